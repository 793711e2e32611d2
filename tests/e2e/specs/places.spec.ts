import { readFileSync } from "node:fs";
import { expect, test } from "../pages/base";
import { Home } from "../pages/home";
import { ready, Workbench } from "../pages/workbench";

const SERVER = "--bootstrap-server localhost:9092";
const PLACES: [string, string][] = [
  ["", "Logbrook: Apache Kafka in a browser tab"],
  ["partitions/", "Partitions · Logbrook"],
  ["sandbox/", "Sandbox · Logbrook"],
  ["oncall/", "On call · Logbrook"],
  ["reference/", "Reference · Logbrook"],
  ["reference/errors/", "Errors · Logbrook"],
  ["reference/exact/", "What is exact, what differs · Logbrook"],
];

test.describe("without scripting", () => {
  test.use({ javaScriptEnabled: false });

  test("each place has a title, a description and words of its own", async ({ page }) => {
    const described = new Set<string | null>();
    for (const [path, title] of PLACES) {
      await page.goto(`./${path}`);
      await expect(page).toHaveTitle(title);
      described.add(await page.locator("meta[name=description]").getAttribute("content"));
      await expect(page.getByRole("heading", { level: 1 }).first()).toBeVisible();
      await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
    }
    expect(described.size).toBe(PLACES.length);
  });
});

test("the bar leads from place to place, and back leads back", async ({ page }) => {
  await new Home(page).open();
  const main = page.getByRole("navigation", { name: "Main" });
  await main.getByRole("link", { name: "On call" }).click();
  await expect(page).toHaveURL(/\/oncall\/$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("On call");
  await main.getByRole("link", { name: "Sandbox" }).click();
  await expect(page).toHaveURL(/\/sandbox\/$/);
  await expect(page.getByRole("heading", { name: "Begin with" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("On call");
});

test("the sandbox begins with a template, and the address keeps it", async ({ page }) => {
  await page.goto("./sandbox/");
  await ready(page);
  const bench = new Workbench(page);
  await page.getByRole("button", { name: /^3 brokers, RF 3/ }).click();
  await expect(page).toHaveURL(/#template=three$/);
  await expect(bench.stage).toContainText("3 brokers");
  await page.getByRole("group", { name: "Brokers" }).getByRole("button", { name: "5" }).click();
  await expect(page).toHaveURL(/#template=three&brokers=5$/);
  await expect(bench.stage).toContainText("5 brokers");
  await page.reload();
  await ready(page);
  await expect(bench.stage).toContainText("5 brokers");
});

test("a broker is killed from the stage's table, and its lane is dry", async ({ page }) => {
  await page.goto("./sandbox/#template=three&apps=");
  await ready(page);
  const bench = new Workbench(page);
  await bench.terminal.run(`kafka-topics.sh ${SERVER} --create --topic orders --partitions 3 --replication-factor 3`, "Created topic");
  await bench.showTable();
  const brokers = bench.table("Brokers").getByRole("row");
  await brokers.filter({ hasText: "Broker 2" }).getByRole("button", { name: "Kill broker 2" }).click();
  await expect(brokers.filter({ hasText: "Broker 2" })).toContainText("killed, not fenced yet");
  await expect(bench.terminal.output).toContainText("kill 2");
  await bench.terminal.type("@sleep 15");
  await expect(bench.table("Replicas").getByRole("row").filter({ hasText: "on 2" }).first()).toContainText("not in ISR", { timeout: 30_000 });
  await brokers.filter({ hasText: "Broker 2" }).getByRole("button", { name: "Start broker 2" }).click();
  // It is fenced until it has caught up with the metadata.
  await expect(brokers.filter({ hasText: "Broker 2" })).toContainText("runs, fenced");
  await bench.terminal.type("@sleep 5");
  await expect(brokers.filter({ hasText: "Broker 2" })).toContainText("up, leads", { timeout: 30_000 });
});

test("fifty partitions are lines, and one that is opened has its replicas", async ({ page }) => {
  await page.goto("./sandbox/#template=three&apps=");
  await ready(page);
  const bench = new Workbench(page);
  await bench.terminal.run(`kafka-topics.sh ${SERVER} --create --topic wide --partitions 50 --replication-factor 3`, "Created topic");
  await expect(bench.stage.locator(".pline")).toHaveCount(50);
  await bench.showTable();
  await bench.table("Partitions").getByRole("button", { name: "wide-40" }).click();
  await expect(bench.table("Replicas").getByRole("row")).toHaveCount(1 + 3);
});

test("the finder finds a level, a command and an error, and says what is nearest", async ({ page }) => {
  await new Home(page).open();
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox");
  await field.fill("first record");
  await expect(page.getByRole("option").first()).toContainText("Your first record");
  await field.fill("NOT_LEADER");
  await expect(page.getByRole("option").first()).toContainText("NOT_LEADER_OR_FOLLOWER");
  await field.fill("retentoin.ms");
  await expect(page.getByText(/Nothing is called that. Nearest:/)).toContainText("retention.ms");
  await field.fill("kafka-topics.sh");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/reference\/tools\/#kafka-topics\.sh$/);
});

test("progress is kept, saved as a file, and read again", async ({ page }) => {
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await bench.block("create").click();
  await expect(bench.terminal.output).toContainText("Created topic orders.");
  await page.goto("./");
  await ready(page);
  await expect(page.getByRole("link", { name: /Your first record, lesson, \d+ min, begun/ })).toBeVisible();
  await page.getByRole("button", { name: "Settings" }).click();
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as a file" }).click();
  const file = await (await saved).path();
  expect(readFileSync(file, "utf8")).toBe("logbrook progress 1\nbegun basics/first-record\n");
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator("input[type=file]").setInputFiles({
    name: "p.txt", mimeType: "text/plain", buffer: Buffer.from("logbrook progress 1\npassed basics/first-record lines=3 hints=0\n"),
  });
  await expect(page.getByText("Levels passed in the file: 1. Further there than here, and taken over: 1.")).toBeVisible();
  await expect(page.getByText(/^1 of \d+ levels passed/)).toBeVisible();
});

test("stored progress that cannot be read is put aside and said", async ({ page }) => {
  await page.addInitScript(() => {
    if (!sessionStorage.getItem("spoilt")) localStorage.setItem("logbrook.progress", "logbrook progress 7\nnonsense");
    sessionStorage.setItem("spoilt", "1");
  });
  await page.goto("./");
  await ready(page);
  await expect(page.getByText(/Stored progress could not be read \(line 1/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Download it" })).toBeVisible();
  expect(await page.evaluate(() => localStorage.getItem("logbrook.progress-unread"))).toBe("logbrook progress 7\nnonsense");
  await expect(page.getByRole("link", { name: /^Begin:/ })).toBeVisible();
});

test("a store that keeps nothing is said once, with a way out", async ({ page }) => {
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
  });
  await page.goto("./basics/first-record/");
  await ready(page);
  await expect(page.getByText("This browser keeps nothing for this page")).toBeVisible();
  await expect(page.getByRole("button", { name: "Download it" })).toBeVisible();
});
