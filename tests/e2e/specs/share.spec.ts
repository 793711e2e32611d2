import { expect, test } from "../pages/base";
import { ready, Workbench } from "../pages/workbench";

const SERVER = "--bootstrap-server localhost:9092";

test("a run is a link, and the link is the run", async ({ page }) => {
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await bench.terminal.run(`kafka-topics.sh ${SERVER} --create --topic orders --partitions 3`, "Created topic orders.");
  await page.getByRole("button", { name: "Share" }).click();
  const link = await page.getByRole("textbox", { name: "Link" }).inputValue();
  expect(link.length).toBeLessThanOrEqual(2048);
  expect(link).toMatch(/#seed=\d+&rev=\d+&at=\d+&a=/);
  await page.goto("about:blank");
  await page.goto(link);
  await ready(page);
  await expect(bench.terminal.output).toContainText("Created topic orders.");
  await expect(bench.goal("exists with 3 partitions")).toContainText("holds");
});

test("a longer run is packed, a very long one is a file", async ({ page }) => {
  const bench = new Workbench(page);
  await page.goto("./sandbox/#template=one");
  await ready(page);
  const topic = (i: number) => `a-topic-whose-name-is-long-enough-to-fill-a-link-with-a-few-of-them-${i}`;
  for (let i = 0; i < 10; i++) {
    await bench.terminal.run(`kafka-topics.sh ${SERVER} --create --topic ${topic(i)} --partitions 3`, `Created topic ${topic(i)}.`);
  }
  await page.getByRole("button", { name: "Share" }).click();
  const field = page.getByRole("textbox", { name: "Link" });
  await expect(field).toHaveValue(/&a=~/);
  const link = await field.inputValue();
  expect(link.length).toBeLessThanOrEqual(2048);
  await page.goto("about:blank");
  await page.goto(link);
  await ready(page);
  await expect(bench.terminal.output).toContainText(`Created topic ${topic(9)}.`);
});

test("a link that is cut or wrong says so and does what it can", async ({ page }) => {
  const bench = new Workbench(page);
  const line = encodeURIComponent(`$ kafka-topics.sh ${SERVER} --create --topic orders --partitions 3`);
  await page.goto(`./basics/first-record/#seed=7.5&a=${line}%0A%40nonse`);
  await ready(page);
  await expect(page.getByText("`seed`").or(page.getByText("in this link is"))).toBeVisible();
  await expect(page.getByText("This link stops in the middle of line 2. Line 1 was run.")).toBeVisible();
  await expect(bench.terminal.output).toContainText("Created topic orders.");
  await page.goto("about:blank");
  await page.goto("./basics/first-record/#a=~notpacked");
  await ready(page);
  await expect(page.getByText(/This link stops/)).toBeVisible();
});
