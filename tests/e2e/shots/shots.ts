// Pictures for people to look at; nothing is compared. `cargo xtask shots`
import { expect, test } from "../pages/base";
import { ready, Workbench } from "../pages/workbench";

const WIDTHS = [390, 1024, 1440];
const SERVER = "--bootstrap-server localhost:9092";

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of WIDTHS) {
    const name = (place: string) => `shots/out/${place}-${width}-${colorScheme}.png`;

    test.describe(`${width} ${colorScheme}`, () => {
      test.use({ colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } });

      test("home", async ({ page }) => {
        await page.goto("./");
        await ready(page);
        await page.waitForTimeout(1500);
        await page.screenshot({ path: name("home") });
      });

      for (const [place, path] of Object.entries({ oncall: "oncall/", track: "partitions/", reference: "reference/exact/", errors: "reference/errors/" })) {
        test(place, async ({ page }) => {
          await page.goto(`./${path}`);
          if (!path.startsWith("reference")) await ready(page);
          await page.screenshot({ path: name(place) });
        });
      }

      test("sandbox", async ({ page }) => {
        await page.goto("./sandbox/#template=three");
        await ready(page);
        const bench = new Workbench(page);
        if (width === 390) await page.getByRole("button", { name: "Terminal" }).click();
        await bench.terminal.type("@sleep 6");
        await expect(page.getByRole("timer").last()).toContainText("00:06", { timeout: 30_000 });
        if (width === 390) await page.getByRole("button", { name: "Stage" }).click();
        await page.screenshot({ path: name("sandbox") });
      });

      test("settings and finder", async ({ page }) => {
        await page.goto("./");
        await ready(page);
        await page.keyboard.press("Control+k");
        await page.keyboard.type("partition");
        await expect(page.getByRole("option").first()).toBeVisible();
        await page.screenshot({ path: name("finder") });
        await page.keyboard.press("Escape");
        if (width > 390) {
          await page.getByRole("button", { name: "Settings" }).click();
          await page.screenshot({ path: name("settings") });
        }
      });

      test("lesson", async ({ page }) => {
        const bench = new Workbench(page);
        await bench.open("basics/first-record");
        if (width > 390) {
          for (const label of ["create", "write"]) await bench.block(label).click();
          await bench.terminal.type(
            `kafka-console-consumer.sh ${SERVER} --topic orders --from-beginning --group readers --max-messages 3`,
          );
          await expect(bench.terminal.output).toContainText("Processed a total of 3 messages");
        }
        await page.screenshot({ path: name("lesson") });
      });

      test("challenge", async ({ page }) => {
        const bench = new Workbench(page);
        await bench.open("partitions/order-per-account");
        if (width > 390) {
          await bench.terminal.type("@sleep 5");
          await expect(bench.timeline).toContainText("00:05", { timeout: 30_000 });
        }
        await page.screenshot({ path: name("challenge") });
      });

      test("cluster", async ({ page }) => {
        const bench = new Workbench(page);
        await bench.open("replication/survive-any-one");
        if (width === 390) await page.getByRole("button", { name: "Terminal" }).click();
        await bench.terminal.run(
          `kafka-topics.sh ${SERVER} --create --topic payments --partitions 3 --replication-factor 3`,
          "Created topic payments",
        );
        await bench.terminal.type("@sleep 1");
        await bench.terminal.type("@kill 2");
        await bench.terminal.type("@sleep 1");
        await expect(page.getByRole("timer").last()).toContainText("00:02", { timeout: 30_000 });
        if (width === 390) await page.getByRole("button", { name: "Stage" }).click();
        await expect(bench.stage).toContainText("down");
        await page.screenshot({ path: name("cluster") });
      });
    });
  }
}
