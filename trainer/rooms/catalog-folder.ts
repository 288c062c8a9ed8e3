/** @file Where the catalogs that ship lie, seen from the compiled files. */
import path from "node:path";
import { fileURLToPath } from "node:url";

export const catalogFolder = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../../unity-project/Packages/com.rls3.gym/Catalog~",
);
