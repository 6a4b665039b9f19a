// What the browser tests ask a page. Answers name elements by tag, class and order, never by their text.
globalThis.istv = (() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !e.closest("[inert]");
  const name = (e) => {
    const up = e.parentElement?.closest("[class]")?.getAttribute("class").split(" ").join(".");
    return `${[e.tagName.toLowerCase(), ...e.classList].join(".")} in .${up} (${all(e.tagName).indexOf(e) + 1})`;
  };
  const look = (e) => [e, ...e.querySelectorAll("path, rect, polygon")].map((part) => {
    const s = getComputedStyle(part), ring = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
    return [ring && s.outlineColor, s.boxShadow, s.backgroundColor, s.borderColor, s.stroke, s.strokeWidth, s.fill];
  }).join();
  const hidden = (e) => e.closest("[aria-hidden=true]") || !shown(e) || getComputedStyle(e).clipPath !== "none";
  const scrolls = (e) => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const says = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const boxes = (e) => { const r = document.createRange(); r.selectNodeContents(e); return [...r.getClientRects()]; };
  const within = (value, most) => Math.min(Math.max(value, 0), most - 1);
  const addStyle = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets.push(sheet);
  };
  const stops = () => all("a[*|href], area[href], button, input, select, textarea, summary, [tabindex]")
    .filter((e) => e.tabIndex >= 0 && !e.disabled && shown(e));
  const light = (rgb) => rgb.match(/[\d.]+/g).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * ([0.2126, 0.7152, 0.0722][i] ?? 0), 0.05);
  const clear = (ink, x, y) => {
    const under = document.elementsFromPoint(x, y).filter((u) => !u.closest("text")).map((u) => getComputedStyle(u))
      .map((c) => (c.fill !== "rgb(0, 0, 0)" ? c.fill : c.backgroundColor)).find((c) => /^rgb\(/.test(c));
    const [low, high] = [light(ink), light(under ?? "rgb(255, 255, 255)")].sort((a, b) => a - b);
    return high / low >= 4.5;
  };
  let kept = [];
  return {
    open: () => all("details").forEach((d) => (d.open = true)),
    counts: () => ({
      h1: all("h1").filter(shown).length, h2: all("h2").filter(shown).length,
      tables: all("table").length, figures: all("figure, svg[role=img]").length,
      words: document.body.innerText.split(/\s+/).length,
      broken: all("img").filter((i) => !i.complete || !i.naturalWidth).map(name),
      astray: all("a[href^='#']").filter((a) => !document.getElementById(a.hash.slice(1))).map(name),
    }),
    headers: () => all("th").map((e) => e.textContent.replace(/\s/g, "")),
    sideways: () => document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
    outside: () => all("body *").filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
      .filter((e) => !hidden(e) && !scrolls(e.parentElement) && !e.closest("svg")).map(name),
    space: () => addStyle("p { margin-bottom: 2em !important } * { line-height: 1.5 !important; " +
      "letter-spacing: .12em !important; word-spacing: .16em !important }"),
    clipped: () => all("body *").filter((e) => {
      const s = getComputedStyle(e), at = e.getBoundingClientRect();
      const [wide, high] = [s.overflowX, s.overflowY].map((v) => /hidden|clip/.test(v));
      return (wide || high) && !hidden(e) && e.clientWidth > 2 &&
        [e, ...e.querySelectorAll("*")].filter((k) => says(k) && !hidden(k)).flatMap(boxes).some(
          (b) => (wide && (b.right > at.right + 1 || b.left < at.left - 1)) ||
            (high && (b.bottom > at.bottom + 1 || b.top < at.top - 1)));
    }).map(name),
    remember: () => {
      document.activeElement?.blur();
      kept = stops().map((e) => ({ e, look: look(e) }));
      return kept.map(({ e }) => name(e));
    },
    stop: () => {
      const e = document.activeElement, known = kept.find((k) => k.e === e);
      if (!e || e === document.body || e === document.documentElement) return null;
      const b = e.getClientRects()[0], home = e.ownerSVGElement ?? e;
      const over = document.elementFromPoint(within(b.x + b.width / 2, innerWidth), within(b.y + b.height / 2, innerHeight));
      const seen = b.bottom > 0 && b.top < innerHeight && over && (home.contains(over) || over.contains(e));
      return { name: name(e), known: !!known, changed: look(e) !== known?.look, seen: !!seen, main: !!e.closest("main") };
    },
    focus: (number) => {
      kept[number].e.focus();
      const b = kept[number].e.getBoundingClientRect();
      return { x: b.x + scrollX - 8, y: b.y + scrollY - 8, width: b.width + 16, height: b.height + 16, scale: 1 };
    },
    faint: () => {  // labels in drawings, whose contrast axe leaves undecided
      addStyle("svg, svg * { pointer-events: all !important }");
      return all("svg text").map((e) => e.querySelector("tspan") ?? e).filter((e) => shown(e) && says(e)).filter((e) => {
        e.scrollIntoView({ block: "center" });
        return !boxes(e).every((b) => [0.1, 0.5, 0.9].every((share) =>
          clear(getComputedStyle(e).fill, b.x + share * b.width, b.y + b.height / 2)));
      }).map(name);
    },
    areas: () => [...new Set(all("main a[href]:not(svg a)").filter(shown)
      .map((a) => a.getAttribute("href").match(/^([a-z-]+)\/latest\//)?.[1]).filter(Boolean))],
    axe: async (values) => {
      const told = await axe.run(document, { runOnly: { type: "tag", values } });
      const short = (rule) => ({ id: rule.id, nodes: rule.nodes.map((n) => n.target.flat().join(" ")) });
      return { violations: told.violations.map(short), undecided: told.incomplete.map(short), passes: told.passes.length };
    },
  };
})();
