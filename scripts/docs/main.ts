/**
 * `npm run docs`: the API reference of every public entry point, as HTML in `dist/docs`. A warning fails it.
 *
 * TypeDoc needs TypeScript's JavaScript API, which TypeScript 7 does not have: its import of `typescript` is given the
 * dev dependency `typescript-6`.
 *
 * @since 0.1.0
 */
import { globSync, readFileSync } from "node:fs"
import { registerHooks } from "node:module"

registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier === "typescript" && context.parentURL?.includes("/node_modules/typedoc/") ? "typescript-6" : specifier,
      context
    )
})

const { Application } = await import("typedoc")

/** Every source that package.json's `exports` name under the condition of the sources. */
const entryPoints = Object.values<Record<string, string> | string>(
  JSON.parse(readFileSync("package.json", "utf8")).exports
).flatMap((target) => typeof target === "string" ? [] : globSync(target["@effect-voice/source"] ?? []))
  .filter((file) => !file.endsWith(".d.ts"))
  .sort()

const app = await Application.bootstrap({
  name: "effect-voice",
  entryPoints,
  tsconfig: "tsconfig.docs.json",
  out: process.argv[2] ?? "dist/docs",
  readme: "README.md",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  includeVersion: true,
  // links to sources need a public repository
  disableSources: true,
  treatWarningsAsErrors: true,
  validation: { notExported: false, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: ["Class", "Interface", "Function", "Variable", "TypeAlias"],
  highlightLanguages: ["typescript", "javascript", "json", "yaml", "bash", "html", "python", "mermaid"],
  skipErrorChecking: true
})
const project = await app.convert()
if (project !== undefined) {
  app.validate(project)
  await app.generateOutputs(project)
}
process.stdout.write(
  `${entryPoints.length} entry points, ${app.logger.warningCount} warnings, ${app.logger.errorCount} errors\n`
)
process.exitCode = project === undefined || app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0
