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
        await page.screenshot({ path: name("home") });
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
    });
  }
}
