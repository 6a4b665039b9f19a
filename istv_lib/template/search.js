// Narrows the lists of links to what is typed. Without this script the lists are simply whole.
(() => {
  const box = document.querySelector(".search");
  const status = box.querySelector("[role=status]");
  const items = [...document.querySelectorAll(".found li")];
  const shapes = [...document.querySelectorAll(".chart a")];
  const plain = (text) => " " + text.toLowerCase().replace(/&/g, "and").replace(/[^a-z0-9]+/g, " ").trim();
  const told = (item) => plain(item.textContent + " " + (item.dataset.also || ""));
  const input = document.createElement("input");
  Object.assign(input, { id: "find", type: "search", autocomplete: "off", spellcheck: false });
  box.querySelector("label").after(input);
  box.classList.remove("away");

  const links = items.filter((item) => item.querySelector("a"));
  const left = () => links.filter((item) => !item.classList.contains("away"));
  const narrow = () => {
    const words = plain(input.value).split(" ").filter(Boolean);
    const fits = (text) => words.every((word) => text.includes(" " + word));
    items.forEach((item) => item.classList.toggle("away", !fits(told(item))));
    shapes.forEach((shape) => shape.classList.toggle("off", !fits(plain(shape.getAttribute("aria-label")))));
    const count = left().length;
    status.textContent = words.length ? `${count || "None"} of ${links.length} links match.` : "";
  };
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      input.value = "";
      narrow();
    }
    if (event.key === "Enter") left()[0]?.querySelector("a").focus();
  });
})();
