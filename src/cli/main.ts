/**
 * The command line. Runs when it is imported, with the arguments of the process.
 *
 * Exit codes: 0, 1 for a failure, 2 for a wrong call; 130 and 143 when a signal ended a command that was not serving, or
 * a second one a drain.
 *
 * @since 0.1.0
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fromCause, isBackendError } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import { ModelStore } from "../models/ModelStore.ts"
import * as Commands from "./Commands.ts"
import * as Output from "./Output.ts"
import { runMain } from "./RunMain.ts"
import { serve } from "./Serve.ts"
import { talk } from "./Talk.ts"

const name = "effect-voice"

const config = Flag.File("config").pipe(
  Flag.withAlias("c"),
  Flag.withDescription("A YAML or JSON file; EFFECT_VOICE_… variables beat it"),
  Flag.optional
)
const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print JSON"))

const serveCommand = Command.make("serve", {
  config,
  host: Flag.String("host").pipe(Flag.withDescription("The address to listen on (127.0.0.1)"), Flag.optional),
  port: Flag.Int("port").pipe(
    Flag.filter((port) => port >= 0 && port <= 65_535, () => "a port from 0 to 65535"),
    Flag.withDescription("The port to listen on (8080); 0 takes a free one"),
    Flag.optional
  ),
  workers: Flag.Int("workers").pipe(
    Flag.filter((count) => count >= 0 && count <= 64, () => "a number of processes from 0 to 64"),
    Flag.withDescription("Processes that share the port and the sessions (1); 0 is one for each core"),
    Flag.optional
  )
}, ({ config, host, port, workers }) =>
  serve({
    config: Option.getOrUndefined(config),
    host: Option.getOrUndefined(host),
    port: Option.getOrUndefined(port),
    workers: Option.getOrUndefined(Option.map(workers, (count) => count === 0 ? availableParallelism() : count))
  })).pipe(Command.withDescription("Serve the API and the console page until a signal ends it"))

const talkCommand = Command.make("talk", {
  input: Flag.File("input").pipe(Flag.withAlias("i"), Flag.withDescription("A WAV file with what the user says")),
  output: Flag.File("output").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("Where to write what the agent says, as WAV"),
    Flag.optional
  ),
  url: Flag.String("url").pipe(
    Flag.withDescription("Talk to the server at this address; its key is read from EFFECT_VOICE_API_KEY"),
    Flag.optional
  ),
  json,
  config
}, ({ config, input, json, output, url }) =>
  talk({
    input,
    output: Option.getOrUndefined(output),
    url: Option.getOrUndefined(url),
    json,
    config: Option.getOrUndefined(config)
  })).pipe(Command.withDescription("Play a recording as the user, in real time, and print the conversation"))

const providersCommand = Command.make("providers", { json }, Commands.providers).pipe(
  Command.withDescription("List the providers and the engines")
)

const checkCommand = Command.make("check", {
  config: Flag.File("config").pipe(Flag.withAlias("c"), Flag.withDescription("The file to check"))
}, ({ config }) => Commands.check(config)).pipe(
  Command.withDescription("Read a config and tell everything that is wrong with it")
)

const schemaCommand = Command.make("schema", {}, () => Commands.schema).pipe(
  Command.withDescription("Print the JSON Schema of config files, which editors complete from")
)

const model = Argument.String("name")
const modelsCommand = Command.make("models", {}, () => Commands.listModels).pipe(
  Command.withDescription("List the models of the embedded engines, fetch one, or say where one is"),
  Command.withSubcommands([
    Command.make("list", {}, () => Commands.listModels).pipe(Command.withDescription("List the models")),
    Command.make("fetch", { model }, ({ model }) => Commands.fetchModel(model)).pipe(
      Command.withDescription("Fetch a model, unless it is here")
    ),
    Command.make("path", { model }, ({ model }) => Commands.modelPath(model)).pipe(
      Command.withDescription("Say where a model is, or would be")
    )
  ])
)

const eraseCommand = Command.make(
  "erase",
  {
    config: Flag.File("config").pipe(Flag.withAlias("c"), Flag.withDescription("The config that keeps the data")),
    session: Flag.String("session").pipe(Flag.withDescription("The id of a session"), Flag.optional),
    user: Flag.String("user").pipe(Flag.withDescription("The id of a user: all of their sessions"), Flag.optional)
  },
  ({ config, session, user }) =>
    Commands.erase({ config, session: Option.getOrUndefined(session), user: Option.getOrUndefined(user) })
).pipe(
  Command.withDescription("Erase what is kept of a session or a user")
)

const cli = Command.make(name).pipe(
  Command.withDescription("Real-time voice agents"),
  Command.withSubcommands([
    serveCommand,
    talkCommand,
    providersCommand,
    checkCommand,
    schemaCommand,
    eraseCommand,
    modelsCommand
  ])
)

/** From a source tree and from a built package alike, two directories up. */
const version = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown"
}

/** Help that was asked for goes to stdout; a wrong call gets it on stderr. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    const formatter = CliOutput.defaultFormatter({ colors: process.stdout.isTTY && process.stderr.isTTY })
    switch (event._tag) {
      case "Help":
        return event.reason === "Implicit"
          ? Output.note(formatter.formatHelpDoc(event.helpDoc))
          : Output.line(formatter.formatHelpDoc(event.helpDoc))
      case "InvalidInvocation":
        return Effect.andThen(
          Output.note(formatter.formatHelpDoc(event.helpDoc)),
          Output.note(formatter.formatErrors(event.errors))
        )
      case "Version":
        return Output.line(formatter.formatVersion(event.name, event.version))
    }
  }
}

const services = Layer.mergeAll(
  NodeServices.layer,
  Builtin.layer,
  ModelStore.layer,
  CliOutput.layerPresenter(presenter),
  // Results alone go to stdout.
  Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** The exit code of a run; everything that can go wrong has been told by then. */
const run = (args: ReadonlyArray<string>): Effect.Effect<number> =>
  Command.runWith(cli, { version: version() })(args).pipe(
    Effect.provide(services),
    Effect.as(0),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt
      const error = Cause.squash(cause)
      if (CliError.isCliError(error)) {
        return error._tag === "ShowHelp" ? Effect.succeed(2) : Effect.as(Output.note(`error: ${error.message}`), 2)
      }
      return Effect.as(Output.failure(isBackendError(error) ? error : fromCause(name, cause)), 1)
    })
  )

const args = process.argv.slice(2)
Output.surviveClosedPipes()
runMain(run(args), { serving: args[0] === "serve" })
