import { expect, test } from "../pages/base";
import { Workbench } from "../pages/workbench";

test("time stands, steps, runs and stands again", async ({ page }) => {
  const bench = new Workbench(page);
  // Its applications have something to do from the start.
  await bench.open("partitions/order-per-account");
  const clock = bench.timeline.getByRole("timer");
  const press = (name: string) => bench.timeline.getByRole("button", { name, exact: true }).click();
  const event = async () => Number(/Paused at event (\d+)/.exec(await bench.timeline.innerText())?.[1] ?? 0);
  await expect(clock).toContainText("00:00.0");

  await press("One event on");
  await expect.poll(event).toBeGreaterThan(0);
  const first = await event();
  await press("One event on");
  await expect.poll(event).toBeGreaterThan(first);

  await press("Play");
  await expect(clock).toContainText(/00:0[1-9]/);
  await press("Pause");
  await expect(bench.timeline).toContainText("Paused at event");
  const stood = await clock.textContent();
  await page.waitForTimeout(500);
  expect(await clock.textContent()).toBe(stood);
});
