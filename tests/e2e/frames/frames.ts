// How long frames take under load; `cargo xtask page frames` runs it and prints what it says.
import { expect, test } from "../pages/base";
import { ready, Workbench } from "../pages/workbench";

const SERVER = "--bootstrap-server localhost:9092";
const SECONDS = 10;

test("5 brokers, 50 partitions, 8 members, 5,000 records a second", async ({ page }) => {
  test.setTimeout(240_000);
  await page.goto("./sandbox/#template=three&brokers=5");
  await ready(page);
  await expect(page.locator("html")).toHaveAttribute("data-whole", "true");
  const bench = new Workbench(page);
  await bench.terminal.type(`kafka-topics.sh ${SERVER} --alter --topic orders --partitions 50`);
  await bench.terminal.type("@scale billing 8");
  await bench.terminal.type("@sleep 12");
  await expect(bench.timeline.getByRole("timer")).toContainText("00:12", { timeout: 60_000 });
  await bench.terminal.type(`@burst shop 5000 600`);
  await bench.timeline.getByRole("button", { name: "Play" }).click();
  await page.waitForTimeout(2_000);
  const began = await bench.timeline.getByRole("timer").textContent();
  const frames: number[] = await page.evaluate(
    (ms) =>
      new Promise((done) => {
        const seen: number[] = [];
        let last = performance.now();
        const end = last + ms;
        const frame = (now: number) => {
          seen.push(now - last);
          last = now;
          if (now < end) requestAnimationFrame(frame);
          else done(seen);
        };
        requestAnimationFrame(frame);
      }),
    SECONDS * 1000,
  );
  const ended = await bench.timeline.getByRole("timer").textContent();
  frames.sort((a, b) => a - b);
  const at = (share: number) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))].toFixed(1);
  console.log(
    `frames ${JSON.stringify({ per_second: +(frames.length / SECONDS).toFixed(1), median_ms: +at(0.5), p95_ms: +at(0.95), p99_ms: +at(0.99), longest_ms: +at(1), virtual: `${began} to ${ended}` })}`,
  );
  expect(frames.length).toBeGreaterThan(0);
});
