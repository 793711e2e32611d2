import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "../pages/base";
import { ready, Workbench } from "../pages/workbench";

const PLACES = {
  home: "",
  lesson: "basics/first-record/",
  challenge: "partitions/order-per-account/",
  cluster: "replication/survive-any-one/",
  sandbox: "sandbox/#template=three",
  track: "partitions/",
  oncall: "oncall/",
  errors: "reference/errors/",
};

for (const [name, path] of Object.entries(PLACES)) {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1440, 390]) {
      test(`axe finds nothing: ${name}, ${colorScheme}, ${width}`, async ({ page }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        await page.setViewportSize({ width, height: 900 });
        await page.goto(`./${path}`);
        if (!path.startsWith("reference/")) await ready(page);
        if (name === "lesson" && width === 1440) {
          const bench = new Workbench(page);
          for (const label of ["create", "write"]) await bench.block(label).click();
          await expect(bench.goal("at least 3 records")).toContainText("holds");
        }
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`)).toEqual([]);
      });
    }
  }
}

test("nothing scrolls sideways at 390 and at 320", async ({ page }) => {
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of Object.values(PLACES)) {
      await page.goto(`./${path}`);
      if (!path.startsWith("reference/")) await ready(page);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(over, `${path} at ${width}`).toBeLessThanOrEqual(0);
    }
  }
});

test("a keyboard reaches every panel of the workbench", async ({ page }) => {
  const bench = new Workbench(page);
  await bench.open("basics/first-record");
  await page.keyboard.press("`");
  await expect(bench.terminal.field).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(bench.terminal.field).not.toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});
