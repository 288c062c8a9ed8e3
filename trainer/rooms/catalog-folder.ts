/** @file The folder of the catalogs that ship, relative to the compiled files. */
import path from "node:path";
import { fileURLToPath } from "node:url";

export const catalogFolder = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../../unity-project/Packages/com.rls3.gym/Catalog~",
);
