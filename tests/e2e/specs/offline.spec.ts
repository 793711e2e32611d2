import { expect, test } from "../pages/base";
import { Workbench } from "../pages/workbench";

// That nothing foreign is asked for is checked after every test (pages/base.ts).
test("once loaded, a level is played with the network off", async ({ page, context }) => {
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await context.setOffline(true);
  await bench.block("create").click();
  await expect(bench.terminal.output).toContainText("Created topic orders.");
});

test("the engine never holds the page for long", async ({ page }) => {
  const bench = new Workbench(page);
  await bench.open("partitions/order-per-account");
  await page.evaluate(() => {
    const seen = ((window as any).longest = { ms: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.ms = Math.max(seen.ms, entry.duration);
    }).observe({ type: "longtask" });
  });
  await bench.terminal.type("@sleep 10");
  await expect(bench.timeline).toContainText(/00:1\d/, { timeout: 30_000 });
  // A slice is 8 ms; a long task is above 50 ms on a shared machine with drawing in it.
  const longest = await page.evaluate(() => (window as any).longest.ms as number);
  expect(longest).toBeLessThan(200);
});
