import { test as noisy } from "@playwright/test";
import { expect, test } from "../pages/base";
import { Workbench } from "../pages/workbench";

// The engine's last file: the tools that a lesson does not begin with, and the codecs.
const REST = /\/rest-[0-9a-f]+\.wasm$/;

test("a lesson is played before the last file has come, and a line that needs it waits", async ({ page }) => {
  let send!: () => void;
  const asked = new Promise<void>((resolve) => (send = resolve));
  await page.route(REST, async (route) => {
    await asked;
    await route.continue();
  });
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await bench.terminal.run("kafka-topics.sh --bootstrap-server localhost:9092 --create --topic early", "Created topic early.");
  await bench.terminal.type("kafka-get-offsets.sh --bootstrap-server localhost:9092 --topic early");
  // Typed after it in the same terminal: it does not overtake.
  await bench.terminal.type("echo after");
  await bench.terminal.tabs.first().click();
  await expect(bench.terminal.output).not.toContainText("after");
  await expect(page.locator("html")).not.toHaveAttribute("data-whole", "true");
  send();
  await expect(page.locator("html")).toHaveAttribute("data-whole", "true");
  await expect(bench.terminal.output).toContainText(/early:0:0[^]*after/);
});

// The loader itself writes to the console what it could not load.
noisy("when the last file does not come the page says so and goes on", async ({ page }) => {
  await page.route(REST, (route) => route.fulfill({ status: 200, contentType: "application/wasm", body: "" }));
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await expect(page.getByRole("alert")).toContainText("could not be loaded");
  await bench.terminal.run("kafka-topics.sh --bootstrap-server localhost:9092 --create --topic late", "Created topic late.");
});
