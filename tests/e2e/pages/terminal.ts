import { expect, type Locator, type Page } from "@playwright/test";

/** The terminal of a workbench: typed like any terminal. */
export class Terminal {
  readonly field: Locator;
  readonly output: Locator;
  readonly completions: Locator;
  readonly tabs: Locator;

  constructor(readonly page: Page, dock: Locator) {
    this.field = dock.getByRole("textbox", { name: "Command line" });
    this.output = dock.getByRole("log", { name: "Output" });
    this.completions = dock.getByRole("listbox", { name: "Completions" });
    this.tabs = dock.getByRole("tablist", { name: "Terminals" }).getByRole("tab");
  }

  /** Types a line and Enter. */
  async type(line: string) {
    await this.field.focus();
    await this.page.keyboard.type(line);
    await this.page.keyboard.press("Enter");
  }

  /** Types a line and waits for what it prints. */
  async run(line: string, prints: string | RegExp) {
    await this.type(line);
    await expect(this.output).toContainText(prints);
  }

  async endOfInput() {
    await this.field.press("Control+d");
  }

  async interrupt() {
    await this.field.press("Control+c");
  }
}
