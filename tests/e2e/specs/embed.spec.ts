import { readFileSync } from "node:fs";
import { expect, test } from "../pages/base";

// The example of docs/embed.md, as it stands there.
const example = /```html\n([^]*?)```/.exec(readFileSync(new URL("../../../docs/embed.md", import.meta.url), "utf8"))![1];

test("the example of an embedded level runs", async ({ page, baseURL }) => {
  const around = new URL("around.html", baseURL!).href;
  await page.route(around, (route) => route.fulfill({ contentType: "text/html", body: example }));
  await page.goto(around);
  await expect(page.locator("#said")).toHaveText(/^0 of \d+$/, { timeout: 30_000 });
  const frame = page.frameLocator("#level");
  await expect(frame.getByRole("banner")).toHaveCount(0);
  const field = frame.getByRole("textbox", { name: "Command line" });
  await field.fill("kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders --partitions 3");
  await field.press("Enter");
  await expect(page.locator("#said")).toHaveText(/^1 of \d+$/);
});

test("one block of the prose is shown alone", async ({ page }) => {
  await page.goto("./embed/basics/first-record/#block=create&view=brief,terminal");
  await expect(page.locator("html")).toHaveAttribute("data-ready", "true");
  await expect(page.getByRole("button", { name: /^Run/ })).toHaveCount(1);
  await expect(page.getByRole("heading", { name: "Goals" })).toBeHidden();
  await page.getByRole("button", { name: /^Run/ }).click();
  await expect(page.getByRole("log", { name: "Output" })).toContainText("Created topic orders.");
});
