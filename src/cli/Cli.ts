/**
 * The commands, their flags, and how their results become exit codes.
 *
 * Exit codes: 0; 1 for a failure; 2 for a usage error; 130 and 143 when a signal ended a command that was not serving, or a
 * second signal a drain.
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
import { existsSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { fromCause, isBackendError } from "../BackendError.ts"
import * as Builtin from "../builtin/index.ts"
import { packageFile } from "../ExternalPackage.ts"
import { ModelStore } from "../models/ModelStore.ts"
import { parseRecord } from "../schema/Json.ts"
import type { App } from "./app/App.ts"
import * as AppModule from "./app/AppModule.ts"
import { none as noApp } from "./app/DefineApp.ts"
import { check } from "./Check.ts"
import * as Commands from "./Commands.ts"
import * as Output from "./Output.ts"
import { serve } from "./Serve.ts"
import { talk } from "./Talk.ts"
import * as TalkPhone from "./TalkPhone.ts"

const config = Flag.File("config").pipe(
  Flag.withAlias("c"),
  Flag.withDescription("A YAML or JSON file; EFFECT_VOICE_… variables override it"),
  Flag.optional
)
const appFlag = Flag.File("app").pipe(
  Flag.withDescription("A TypeScript or JavaScript module whose default export is an application (defineApp)"),
  Flag.optional
)
/** A program that is an application takes no other. */
const noAppFlag = Flag.Never.pipe(Flag.withHidden, Flag.optional)
const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("Print JSON"))

const model = Argument.String("name").pipe(Argument.withDescription("A name that `models list` shows"))
const modelsCommand = Command.make("models", {}, () => Commands.listModels).pipe(
  Command.withDescription("List the models of the embedded engines, download one, or print its directory"),
  Command.withSubcommands([
    Command.make("list", {}, () => Commands.listModels).pipe(Command.withDescription("List the models")),
    Command.make("fetch", { model }, ({ model }) => Commands.fetchModel(model)).pipe(
      Command.withDescription("Download a model, unless it is there already")
    ),
    Command.make("path", { model }, ({ model }) => Commands.modelPath(model)).pipe(
      Command.withDescription("Print the directory of a model")
    )
  ])
)

/** The application of a command line, with its names in the registries while a command runs. */
const withApp = (given: unknown) => <A, E, R>(file: Option.Option<string>, use: (app: App) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const app = Option.isSome(file)
      ? yield* AppModule.load(file.value)
      : given === undefined
      ? noApp
      : yield* AppModule.of(given, "the application")
    return yield* Effect.provide(use(app), Builtin.layerWith(app.parts))
  }).pipe(Effect.scoped)

/** The commands: with a flag that names an application's module, or of the application that is given. */
const commandOf = (name: string, given: unknown) => {
  const app = given === undefined ? appFlag : noAppFlag
  const using = withApp(given)

  const serveCommand = Command.make("serve", {
    app,
    config,
    host: Flag.String("host").pipe(Flag.withDescription("The address to listen on (127.0.0.1)"), Flag.optional),
    port: Flag.Int("port").pipe(
      Flag.filter((port) => port >= 0 && port <= 65_535, () => "a port from 0 to 65535"),
      Flag.withDescription("The port to listen on (8080); 0 picks a free one"),
      Flag.optional
    ),
    workers: Flag.Int("workers").pipe(
      Flag.filter((count) => count >= 0 && count <= 64, () => "a number of processes from 0 to 64"),
      Flag.withDescription("Processes that share the port and the sessions (1); 0 is one for each core"),
      Flag.optional
    ),
    workerPort: Flag.Int("worker-port").pipe(
      Flag.filter((port) => port >= 0 && port <= 65_535, () => "a port from 0 to 65535"),
      Flag.withDescription("The own port of the first worker; the next have the ports after it (free ones)"),
      Flag.optional
    )
  }, ({ app, config, host, port, workerPort, workers }) =>
    using(app, (app) =>
      serve({
        app,
        config: Option.getOrUndefined(config),
        host: Option.getOrUndefined(host),
        port: Option.getOrUndefined(port),
        workerPort: Option.getOrUndefined(workerPort),
        workers: Option.getOrUndefined(Option.map(workers, (count) => count === 0 ? availableParallelism() : count))
      }))).pipe(Command.withDescription("Serve the API and the console page until a signal ends it"))

  const talkCommand = Command.make("talk", {
    input: Flag.File("input").pipe(Flag.withAlias("i"), Flag.withDescription("A WAV file with the user's speech")),
    output: Flag.File("output").pipe(
      Flag.withAlias("o"),
      Flag.withDescription(
        "The WAV file to write the agent's speech to; with --phone, the call as the caller hears it"
      ),
      Flag.optional
    ),
    url: Flag.String("url").pipe(
      Flag.withDescription("Talk to the server at this URL; the API key is read from EFFECT_VOICE_API_KEY"),
      Flag.optional
    ),
    phone: Flag.Boolean("phone").pipe(
      Flag.withDefault(false),
      Flag.withDescription(
        "Talk over a telephone line: 8 kHz, 300 to 3,400 Hz, µ-law, packets of 20 ms, late and lost ones"
      )
    ),
    phoneJitter: Flag.Int("phone-jitter").pipe(
      Flag.filter((ms) => ms >= 0 && ms <= 1_000, () => "milliseconds from 0 to 1000"),
      Flag.withDescription(
        `By how many milliseconds packets may be late (${TalkPhone.defaults.jitterMs}); implies --phone`
      ),
      Flag.optional
    ),
    phoneLoss: Flag.Finite("phone-loss").pipe(
      Flag.filter((percent) => percent >= 0 && percent <= 100, () => "a percentage from 0 to 100"),
      Flag.withDescription(`How many of 100 packets are lost (${TalkPhone.defaults.lossPercent}); implies --phone`),
      Flag.optional
    ),
    json,
    config,
    app
  }, ({ app, config, input, json, output, phone, phoneJitter, phoneLoss, url }) =>
    using(app, (app) =>
      talk({
        app,
        input,
        output: Option.getOrUndefined(output),
        url: Option.getOrUndefined(url),
        json,
        config: Option.getOrUndefined(config),
        phone: phone || Option.isSome(phoneJitter) || Option.isSome(phoneLoss)
          ? {
            jitterMs: Option.getOrElse(phoneJitter, () => TalkPhone.defaults.jitterMs),
            lossPercent: Option.getOrElse(phoneLoss, () => TalkPhone.defaults.lossPercent)
          }
          : undefined
      }))).pipe(Command.withDescription("Play a recording as the user, in real time, and print the conversation"))

  const providersCommand = Command.make(
    "providers",
    { json, app },
    ({ app, json }) => using(app, () => Commands.providers({ json }))
  ).pipe(
    Command.withDescription("List the providers and the engines")
  )

  const checkCommand = Command.make(
    "check",
    {
      config,
      connect: Flag.Boolean("connect").pipe(
        Flag.withDefault(false),
        Flag.withDescription("Also reach what the config names: vendors, the model, the store, with their credentials")
      ),
      json,
      app
    },
    ({ app, config, connect, json }) =>
      using(app, (app) => check({ app, config: Option.getOrUndefined(config), connect, json }))
  ).pipe(
    Command.withDescription("Check a config as a start would, and show all its faults")
  )

  const schemaCommand = Command.make("schema", { app }, ({ app }) => using(app, (app) => Commands.schema({ app })))
    .pipe(
      Command.withDescription("Print the JSON Schema of config files, for completion in editors")
    )

  const eraseCommand = Command.make(
    "erase",
    {
      config: Flag.File("config").pipe(
        Flag.withAlias("c"),
        Flag.withDescription("The config whose archive has the data")
      ),
      session: Flag.String("session").pipe(Flag.withDescription("The id of a session"), Flag.optional),
      user: Flag.String("user").pipe(Flag.withDescription("The id of a user: all of their sessions"), Flag.optional),
      app
    },
    ({ app, config, session, user }) =>
      using(
        app,
        (app) =>
          Commands.erase({ app, config, session: Option.getOrUndefined(session), user: Option.getOrUndefined(user) })
      )
  ).pipe(
    Command.withDescription("Erase the stored data of a session or a user")
  )

  return Command.make(name).pipe(
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
}

/** Two directories up, both in a source tree and in a built package; not in a program that is bundled into one file. */
const packageVersion = (): string => {
  const file = packageFile(import.meta.url, "../../package.json", "../package.json")
  const manifest = existsSync(file) ? parseRecord(readFileSync(file, "utf8")) : undefined
  return typeof manifest?.["version"] === "string" ? manifest["version"] : "unknown"
}

/** Requested help goes to stdout; after a usage error it goes to stderr. */
const presenter: CliOutput.Presenter = {
  present: (event) => {
    const formatter = CliOutput.defaultFormatter({ colors: process.stdout.isTTY && process.stderr.isTTY })
    switch (event._tag) {
      case "Help":
        return Output.styled(
          formatter.formatHelpDoc(event.helpDoc),
          event.reason === "Implicit" ? "stderr" : "stdout"
        )
      case "InvalidInvocation":
        return Effect.andThen(
          Output.styled(formatter.formatHelpDoc(event.helpDoc), "stderr"),
          Output.styled(formatter.formatErrors(event.errors), "stderr")
        )
      case "Version":
        return Output.styled(formatter.formatVersion(event.name, event.version))
    }
  }
}

const services = Layer.mergeAll(
  NodeServices.layer,
  ModelStore.layer,
  CliOutput.layerPresenter(presenter),
  // only results go to stdout
  Logger.layer([Logger.map(Logger.formatLogFmt, Output.writeError)]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/**
 * What a command line is of.
 *
 * @category models
 * @since 0.1.0
 */
export interface CliOptions {
  readonly args: ReadonlyArray<string>
  /** An application of `defineApp`, or a Layer. Default: a flag `--app` names a module. */
  readonly app?: unknown
  /** The name of the command in its help. */
  readonly name: string
  /** Default: that of the package. */
  readonly version?: string | undefined
}

/**
 * Runs a command line and returns its exit code; every failure has been printed by then.
 *
 * @category running
 * @since 0.1.0
 */
export const run = ({ app, args, name, version = packageVersion() }: CliOptions): Effect.Effect<number> =>
  Command.runWith(commandOf(name, app), { version })(args).pipe(
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
