import type { Locator, Page } from "@playwright/test";
import { ready } from "./workbench";

/** The first page: the path and its levels. */
export class Home {
  readonly heading: Locator;

  constructor(readonly page: Page) {
    this.heading = page.getByRole("heading", { level: 1 });
  }

  async open() {
    await this.page.goto("./");
    await ready(this.page);
  }

  /** The way into a level, by its title. */
  level(title: string): Locator {
    return this.page.getByRole("main").getByRole("link", { name: title }).first();
  }
}
