"""How fast and how right the place finder is beside three general ways of matching names, in one run.

    uv pip install --group benchmark    # or: pip install duckdb scikit-learn sparse-dot-topn
    python benchmarks/geocode.py        # about three minutes; --small for a quick look

The world is made up (`_geocode_world.py`, `_geocode_texts.py`): 150,000 rows of a gazetteer in which half the places
share their name with another, and 5,000 distinct texts, each with the department attended. Of the texts 85 % name a
place, with up to three slips of the keyboard; 15 % name none. Every contender runs in a process of its own, one after
another, on two cores, and gets the same texts, normalised. The peers look for one name and are helped further: words
such as "outside" and house numbers are taken off, not at their cost, and of the places of the name they found the one
nearest to the department is theirs. Our own time includes normalising. Ratios of one run on one computer are what
counts; a made-up world ranks methods and says nothing about hospitals' texts. Nothing here is run by the tests.

The table: texts a second with the index built and warm; its ratio to rapidfuzz; seconds to build; memory in MB that the
process took beyond its tables (Linux only); then, of the texts that name a place, the share answered with a point,
with the right name, the right place, within 250 m and in the right borough; of all answers the share within 250 m
("precision"); of the texts that name none the share that got a point ("false"); and the right place by slips made,
without junctions. A junction counts as right by name and place if all streets given are of it.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from _geocode_texts import texts
from _geocode_world import World, make
from scipy.spatial import cKDTree

from istv_lib import _wording, geocode, params

NEAR_M = 250
ROUNDS = 3
LEFT_OUT = r"outside|near|in|at|on|opposite|behind|by|patient fell|walking along|(?:corner|junction)(?: of| with)?"
LEFT_OUT = rf"\b(?:{LEFT_OUT})\b|^\d+ "


class Ours:
    """The project's matcher."""

    def __init__(self, gazetteer: pd.DataFrame, sites: pd.DataFrame) -> None:
        self.matcher = geocode.Matcher(gazetteer, sites, rules=params.defaults())

    def answer(self, asked: pd.DataFrame) -> pd.DataFrame:
        return self.matcher.match(asked["text"], asked["site_code"])


class Peer:
    """A way to find the most similar name; of its places the nearest to the site is taken."""

    def __init__(self, gazetteer: pd.DataFrame, sites: pd.DataFrame) -> None:
        at = gazetteer.groupby(["name", "place"], as_index=False)
        self.places = at.agg(x=("x", "mean"), y=("y", "mean"), borough_gss=("borough_gss", "first"))
        self.names, first = np.unique(self.places["name"].to_numpy(dtype=object), return_index=True)
        self.first = np.append(first, len(self.places))
        self.at = sites.set_index("site_code")[["easting", "northing"]].astype(float)
        self.build()

    def answer(self, asked: pd.DataFrame) -> pd.DataFrame:
        which = self.find(asked["plain"].tolist())
        hit = np.flatnonzero(which >= 0)
        start, count = self.first[which[hit]], np.diff(self.first)[which[hit]]
        begin = np.cumsum(count) - count
        row = np.arange(count.sum()) - np.repeat(begin - start, count)
        site = np.repeat(self.at.loc[asked["site_code"].to_numpy()[hit]].to_numpy(), count, axis=0)
        away = np.hypot(*(self.places[["x", "y"]].to_numpy()[row] - site).T)
        order = np.lexsort((away, np.repeat(hit, count)))
        return self.places.iloc[row[order[begin]]].set_index(asked.index[hit]).reindex(asked.index)


class Rapidfuzz(Peer):
    """The edit ratio of the whole text with every name, at least 80 of 100."""

    def build(self) -> None:
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - each process pays for its own

        how = {"scorer": fuzz.ratio, "score_cutoff": 80, "dtype": np.uint8, "workers": 2}
        self.score = lambda some: process.cdist(some, self.names, **how)

    def find(self, words: list[str]) -> np.ndarray:
        scores = (self.score(words[at : at + 200]) for at in range(0, len(words), 200))
        return np.concatenate([np.where(s.max(1) > 0, s.argmax(1), -1) for s in scores])


class Tfidf(Peer):
    """The cosine of weighted three-letter sequences, at least 0.6."""

    def build(self) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
        from sparse_dot_topn import sp_matmul_topn  # noqa: PLC0415

        self.times = sp_matmul_topn
        self.weights = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), dtype=np.float32)
        self.matrix = self.weights.fit_transform(self.names).T.tocsr()

    def find(self, words: list[str]) -> np.ndarray:
        asked = self.weights.transform(words)
        best = self.times(asked, self.matrix, top_n=1, threshold=0.6, n_threads=2).tocoo()
        found = np.full(len(words), -1)
        found[best.row] = best.col
        return found


class Duckdb(Peer):
    """A query for the dice of weighted three-letter sequences, at least 0.5."""

    CUT = """select id, unnest(list_distinct([substr(t, i, 3) for i in range(1, len(t) - 1)])) gram
        from (select id, ' ' || word || ' ' t from {})"""
    BEST = f"""
        with cut as ({CUT.format("asked")}),
        heavy as (select c.id, c.gram, coalesce(w.weight, (select max(weight) from weights)) weight
                  from cut c left join weights w using (gram)),
        whole as (select id, sum(weight) total from heavy group by id),
        shared as (select h.id, g.id place, sum(h.weight) common from heavy h join grams g using (gram) group by all)
        select s.id, arg_max(s.place, 2 * common / (w.total + t.total)) best,
               max(2 * common / (w.total + t.total)) score
        from shared s join whole w on w.id = s.id join totals t on t.id = s.place group by s.id having score >= 0.5"""

    def build(self) -> None:
        import duckdb  # noqa: PLC0415

        self.base = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
        self.base.register("known", pd.DataFrame({"id": np.arange(len(self.names)), "word": self.names}))
        self.base.execute(f"create table grams as {self.CUT.format('known')}")
        weight = "select gram, ln((select count(*) from known) / count(*)) weight from grams group by gram"
        self.base.execute(f"create table weights as {weight}")
        total = "select id, sum(weight) total from grams join weights using (gram) group by id"
        self.base.execute(f"create table totals as {total}")

    def find(self, words: list[str]) -> np.ndarray:
        found = np.full(len(words), -1)
        for at in range(0, len(words), 250):
            some = words[at : at + 250]
            self.base.register("asked", pd.DataFrame({"id": np.arange(at, at + len(some)), "word": some}))
            best = self.base.execute(self.BEST).df()
            found[best["id"]] = best["best"]
        return found


CONTENDERS = {"ours": Ours, "rapidfuzz cdist": Rapidfuzz, "3-gram TF-IDF": Tfidf, "DuckDB trigrams": Duckdb}


def memory(*, peak: bool) -> float:
    """MB that this process holds, or held at most since it was last asked for what it holds."""
    try:
        told = Path("/proc/self/status").read_text().split("VmHWM:" if peak else "VmRSS:")[1]
        if not peak:
            Path("/proc/self/clear_refs").write_text("5")
        return int(told.split()[0]) / 1024
    except OSError:
        return np.nan


def run(name: str, world: World, warm: pd.DataFrame, asked: pd.DataFrame) -> dict[str, object]:
    """Build a contender, warm it with other texts, time it on those asked: best of three, nothing kept between."""
    before = memory(peak=False)
    start = time.perf_counter()
    contender = CONTENDERS[name](world.gazetteer, world.sites)
    built = time.perf_counter()
    contender.answer(warm)
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answers = contender.answer(asked)
        rounds.append(time.perf_counter() - begun)
    took, peak = min(rounds), memory(peak=True)
    return {"build": built - start, "took": took, "extra": peak - before, "whole": peak, "answers": answers}


def repeated(asked: pd.DataFrame, rows: int, seed: int = 3) -> pd.DataFrame:
    """Rows as hospitals send them: short texts and those without a place often, others seldom."""
    rng = np.random.default_rng(seed)
    length = asked["words"].str.len().to_numpy() - 15 * (asked["kind"] == "").to_numpy()
    order = np.argsort(length + rng.normal(0, 8, len(asked)))
    often = 1 / np.arange(1, len(asked) + 1)
    said = asked.iloc[order[rng.choice(len(asked), rows, p=often / often.sum())]].reset_index(drop=True)
    other = rng.choice(asked["site_code"].unique(), rows)
    return said.assign(site_code=said["site_code"].where(rng.uniform(size=rows) < 0.7, other))


def judged(answers: pd.DataFrame, asked: pd.DataFrame, world: World) -> pd.DataFrame:
    """What is right about each answer."""
    table, place = world.gazetteer, world.things["place"].to_numpy()
    point = answers["x"].notna().to_numpy()
    told = answers["matched"] if "matched" in answers else answers["name"]
    parts = _wording.normalise(told.where(point, "").fillna("").reset_index(drop=True).str.split(" / ").explode())
    names = pd.Index(table["name"].unique())
    code, q = names.get_indexer(parts), parts.index.to_numpy()
    spaced = np.c_[table[["x", "y"]], names.get_indexer(table["name"]) * 1e6]
    here = np.c_[answers[["x", "y"]].fillna(0).to_numpy()[q], code * 1e6]
    nearest = table["place"].to_numpy()[cKDTree(spaced).query(here)[1]]
    true = [np.where(asked[s] >= 0, place[asked[s]], "")[q] for s in "ab"]
    called = pd.MultiIndex.from_frame(table[["place", "name"]])
    right = pd.DataFrame({"name": False, "place": False}, index=parts.index)
    for one in true:
        right["name"] |= pd.MultiIndex.from_arrays([one, parts]).isin(called)
        right["place"] |= (nearest == one) & (code >= 0)
    out = right.groupby(level=0).all().to_numpy() & point[:, None]
    away = np.hypot(answers["x"].to_numpy() - asked["x"], answers["y"].to_numpy() - asked["y"])
    borough = (answers["borough_gss"].fillna("").to_numpy() == asked["borough_gss"]) & (asked["kind"] != "")
    right = {"point": point, "name": out[:, 0], "place": out[:, 1], "near": away <= NEAR_M}
    return pd.DataFrame(right | {"borough": borough})


def table(results: dict[str, dict], asked: pd.DataFrame) -> None:
    """Print speed, memory and what is right, and what lies near by kind of place."""
    named, pace = (
        (asked["kind"] != "").to_numpy(),
        len(asked) / results.get("rapidfuzz cdist", {"took": np.nan})["took"],
    )
    print(f"\n{'':16}  texts/s  ratio  build    MB | point  name place  near borough | precision  false | 0 to 3 slips")
    for name, one in results.items():
        right, speed = one["right"], len(asked) / one["took"]
        share = "".join(f"{right[c][named].mean():6.3f}" for c in ("point", "name", "place", "near", "borough"))
        plain = right["place"][named & (asked["kind"] != "junction").to_numpy()]
        slips = " ".join(f"{value:.2f}" for value in plain.groupby(asked["typos"]).mean())
        print(
            f"{name:16} {speed:8,.0f} {speed / pace:6.2f} {one['build']:6.1f} {one['extra']:5.0f} |{share}  |   ",
            end="",
        )
        print(f"{right['near'][right['point']].mean():.3f}    {right['point'][~named].mean():.3f} | {slips}")
    kinds = sorted(set(asked["kind"]) - {""})
    print(f"\nwithin {NEAR_M} m {'':5}" + "".join(f"{k:>9}" for k in kinds))
    for name, one in results.items():
        print(f"{name:18}" + "".join(f"{one['right']['near'][asked['kind'] == k].mean():9.3f}" for k in kinds))


def confidence(answers: pd.DataFrame, right: pd.DataFrame, asked: pd.DataFrame) -> None:
    """Print how far our probabilities hold, over all answers with a point, and what is left at 0.7."""
    named, rules = asked["kind"] != "", params.defaults()
    p, near, point = answers["location_p"].astype(float), right["near"], right["point"]
    print(f"\nours, {point.sum():,} points: probability said, share within {NEAR_M} m, points")
    band = (p * 10).clip(upper=9).round(9).floordiv(1)[point]
    for _, held in band.groupby(band):
        print(f"  {p[held.index].mean():.2f}  {near[held.index].mean():.2f}  {len(held):6,}")
    print(f"  Brier score {((p - near) ** 2)[point].mean():.3f}")
    least, own = float(rules["map_p_least"]) if "map_p_least" in rules else 0.7, ~answers["prior_decided"].astype(bool)
    for what, held in {"p >= 0.7": p >= 0.7, f"for maps (p >= {least}, not by the site)": (p >= least) & own}.items():
        kept = point & held
        print(
            f"  {what}: {kept[named].mean():.3f} of nameable texts; {near[kept].mean():.3f} of the points within",
            end="",
        )
        print(f" {NEAR_M} m, {right['borough'][kept].mean():.3f} in the right borough; ", end="")
        print(f"{kept[~named].mean():.3f} of the texts without a place")


def drawn(world: World, n: int, seed: int) -> pd.DataFrame:
    """Texts, and what is left of them for the peers as ``plain``."""
    found = texts(world, n, seed)
    return found.assign(plain=found["words"].str.replace(LEFT_OUT, " ", regex=True).str.split().str.join(" "))


def main() -> None:
    """Print the tables."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--small", action="store_true", help="a tenth of everything")
    ask.add_argument("--only", nargs="+", choices=[*CONTENDERS, "million"], default=[*CONTENDERS, "million"])
    given = ask.parse_args()
    part = 10 if given.small else 1
    world = make(150_000 // part)
    asked, warm = drawn(world, 5_000 // part, 2), drawn(world, 100, 5)
    share = world.gazetteer.groupby("place")["name"].first().duplicated(keep=False).mean()
    print(
        f"{len(world.gazetteer):,} rows, {world.gazetteer['name'].nunique():,} names; {share:.0%} of the places have",
        end="",
    )
    print(f" a namesake; {len(asked):,} distinct texts, {(asked['kind'] != '').mean():.0%} of them name a place")
    results = {}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as alone:
        for name in [c for c in CONTENDERS if c in given.only]:
            try:
                results[name] = alone.submit(run, name, world, warm, asked).result()
                results[name]["right"] = judged(results[name]["answers"], asked, world)
            except ImportError as lacking:
                print(f"{name} is left out: {lacking.name} is not installed (see the top of this file).")
        if results:
            table(results, asked)
        if "ours" in results:
            confidence(results["ours"]["answers"], results["ours"]["right"], asked)
        if "million" in given.only:
            rows = repeated(drawn(world, 60_000 // part, 7), 1_000_000 // part)
            one = alone.submit(run, "ours", world, warm, rows).result()
            pairs = len(rows.drop_duplicates(["words", "site_code"]))
            print(
                f"\n{len(rows):,} rows, {rows['words'].nunique():,} texts, {pairs:,} pairs of text and site: ours ",
                end="",
            )
            print(f"{one['took']:.1f} s, and {one['build']:.1f} s to build; at most {one['whole']:,.0f} MB held")


if __name__ == "__main__":
    main()
