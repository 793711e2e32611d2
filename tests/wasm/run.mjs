// Runs a wasm32-wasip1 test program: cargo's runner for `cargo xtask test wasm`.
// The repository is open to it under its own path, so that CARGO_MANIFEST_DIR leads somewhere.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const wasi = new WASI({
  version: "preview1",
  args: [program, ...args],
  env: process.env,
  preopens: { [root]: root },
});
const { instance } = await WebAssembly.instantiate(await readFile(program), wasi.getImportObject());
process.exit(wasi.start(instance));
