// Draws the distributions of a run: a stepped line a cell, from the data in the page.
"use strict";
{
  const data = JSON.parse(document.getElementById("charts").textContent);
  const colours = { light: ["#0550ae", "#a40e26", "#0f5323", "#7a4100", "#6639ba", "#4c545d"],
                    dark: ["#79c0ff", "#ff9a91", "#7ee2a0", "#f0b866", "#d2a8ff", "#b1bac4"] };
  let drawn = [];

  const isDark = () => {
    const said = document.documentElement.dataset.scheme;
    return said ? said === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  const draw = (element) => {
    const { edges, counts } = data[element.dataset.chart];
    const palette = colours[isDark() ? "dark" : "light"];
    const { color, borderTopColor } = getComputedStyle(element);
    const lines = { stroke: borderTopColor, width: 1 };
    const axis = { stroke: color, grid: lines, ticks: lines };
    const series = Object.keys(counts).map((cell, number) => ({
      label: cell, stroke: palette[number % palette.length], width: 2, points: { show: false },
      paths: uPlot.paths.stepped({ align: 1 }),
    }));
    const values = Object.values(counts).map((found) => [...found, found[found.length - 1]]);
    const options = {
      width: Math.max(280, element.clientWidth), height: 240, scales: { x: { time: false } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => `${+tick.toPrecision(4)}${element.dataset.unit}`) }, axis],
      series: [{ label: "from" }, ...series],
    };
    return new uPlot(options, [edges, ...values], element);
  };

  const all = () => {
    for (const chart of drawn) chart.destroy();
    drawn = [...document.querySelectorAll("[data-chart]")].map(draw);
  };

  document.addEventListener("schemechange", all);
  addEventListener("resize", all);
  all();
}
