// A TypeDoc plugin: gives each module the name that programs import (rls3/run), and the @file line of its source as
// description.
import path from "node:path";
import { Comment, Converter, ReflectionKind } from "typedoc";

/** @param app TypeDoc's application, which calls this once */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of context.project.getChildrenByKind(ReflectionKind.Module)) {
      const source = context.getSymbolFromReflection(module).declarations[0].getSourceFile();
      const [, described] = /^\/\*\* @file (?:`[^`]*`: )?(.*?) \*\//.exec(source.text) ?? [];
      if (described === undefined) throw new Error(`${source.fileName} does not begin with /** @file … */`);
      module.comment = new Comment([{ kind: "text", text: described[0].toUpperCase() + described.slice(1) }]);
      module.name = `rls3/${path.basename(module.name)}`;
    }
  });
}
