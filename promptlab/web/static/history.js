// Draws a metric run by run from the data in the page. What is picked are the radio buttons of the table:
// a click in the chart checks one, the second click asks for what changed.
"use strict";
{
  const data = JSON.parse(document.getElementById("charts").textContent);
  const place = document.getElementById("chart");
  const form = document.getElementById("history");
  const colours = { light: ["#0550ae", "#a40e26", "#0f5323", "#7a4100", "#6639ba", "#4c545d"],
                    dark: ["#79c0ff", "#ff9a91", "#7ee2a0", "#f0b866", "#d2a8ff", "#b1bac4"] };
  let drawn = null;

  const isDark = () => {
    const said = document.documentElement.dataset.scheme;
    return said ? said === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };

  const picked = (name) => data.runs.indexOf(form.querySelector(`[name=${name}]:checked`)?.value);

  const markPicked = (chart) => {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.strokeStyle = getComputedStyle(place).color;
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const at of [picked("from"), picked("to")]) {
      if (at < 0) continue;
      const x = chart.valToPos(at, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };

  let isSecond = false;
  const pick = (at) => {
    const button = form.querySelector(`[name=${isSecond ? "to" : "from"}][value="${data.runs[at]}"]`);
    if (!button) return;
    button.checked = true;
    if (isSecond) form.requestSubmit();
    else drawn.redraw();
    isSecond = !isSecond;
  };

  const draw = () => {
    drawn?.destroy();
    const palette = colours[isDark() ? "dark" : "light"];
    const { color, borderTopColor } = getComputedStyle(place);
    const lines = { stroke: borderTopColor, width: 1 };
    const axis = { stroke: color, grid: lines, ticks: lines };
    const series = Object.keys(data.series).map((cell, number) => ({
      label: cell, stroke: palette[number % palette.length], width: 2, spanGaps: true,
      points: { show: true, size: 7, fill: palette[number % palette.length] },
    }));
    const name = (at) => (Number.isInteger(at) && data.commits[at]) || "";
    drawn = new uPlot({
      width: Math.max(280, place.clientWidth), height: 260,
      scales: { x: { time: false, range: [-0.5, data.runs.length - 0.5] } },
      axes: [{ ...axis, space: 70, incrs: [1, 2, 5, 10, 20, 50], values: (_, ticks) => ticks.map(name) }, axis],
      series: [{ label: "commit", value: (_, at) => (at == null ? "–" : name(at)) }, ...series],
      hooks: { draw: [markPicked] },
    }, [data.runs.map((_, at) => at), ...Object.values(data.series)], place);
    drawn.over.addEventListener("click", (event) => pick(drawn.posToIdx(event.offsetX)));
  };

  for (const input of form.querySelectorAll("[data-submit]")) {
    input.addEventListener("change", () => form.requestSubmit());
  }
  form.addEventListener("change", () => drawn.redraw());
  document.addEventListener("schemechange", draw);
  addEventListener("resize", draw);
  draw();
}
