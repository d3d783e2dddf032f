/**
 * The command line for an application of one's own: `defineApp` for `effect-voice serve --app`, and `run` for a program that is its
 * own command.
 *
 * @since 0.1.0
 */
// First, so that an older Node is told so before anything of it is missing.
export { neededNodeMajor } from "../server/NodeVersion.ts"

export type { App, AppConfig, AppEngine, AppEngines, AppHook, AppLayer, AppParts, AppStore, Needs } from "./app/App.ts"
export { defineApp } from "./app/DefineApp.ts"
export { run, type RunOptions } from "./Run.ts"
