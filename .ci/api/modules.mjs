// A TypeDoc plugin: gives each module the name that programs import (rls3/run), and the @file comment of its source as
// description.
import path from "node:path";
import { Comment, Converter, ReflectionKind } from "typedoc";

/** @param app TypeDoc's application, which calls this once */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of context.project.getChildrenByKind(ReflectionKind.Module)) {
      const source = context.getSymbolFromReflection(module).declarations[0].getSourceFile();
      // In one line, or in several that begin with an asterisk.
      const [, comment = ""] = /^\/\*\*(.*?)\*\//s.exec(source.text) ?? [];
      const [, described] = /^@file (?:`[^`]*`: )?(.+)$/.exec(comment.replace(/\s+(\* )?/g, " ").trim()) ?? [];
      if (described === undefined) throw new Error(`${source.fileName} does not begin with /** @file … */`);
      module.comment = new Comment([{ kind: "text", text: described[0].toUpperCase() + described.slice(1) }]);
      module.name = `rls3/${path.basename(module.name)}`;
    }
  });
}
