/**
 * The files of `scripts/deploy`, compared with each other and with the schema of configs: what they name exists.
 *
 * @since 0.1.0
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Yaml } from "effect/encoding"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as ConfigSource from "../../src/backend/config/ConfigSource.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { ServerConfig } from "../../src/server/ServerConfig.ts"
import * as TelemetryNames from "../../src/telemetry/TelemetryNames.ts"

interface Tree {
  readonly [key: string]: any // oxlint-disable-line typescript/no-explicit-any -- documents of others' formats
}

const root = Path.resolve(import.meta.dirname, "../..")
const deploy = Path.join(root, "scripts/deploy")
const text = (name: string): string => Fs.readFileSync(Path.join(deploy, name), "utf8")
const documents = (name: string): ReadonlyArray<Tree> =>
  text(name).split(/^---$/m).map((part): Tree => Yaml.parse(part) as Tree)
const document = (name: string): Tree => documents(name)[0] ?? {}

const kubernetes = document("kubernetes/kustomization.yaml")
const manifests: ReadonlyArray<Tree> = (kubernetes["resources"] as ReadonlyArray<string>)
  .filter((name) => name.endsWith(".yaml"))
  .flatMap((name) => documents(`kubernetes/${name}`))
const manifest = (kind: string): Tree => {
  const found = manifests.find((each) => each["kind"] === kind)
  assert.isDefined(found, kind)
  return found ?? {}
}
const pod: Tree = manifest("Deployment")["spec"]["template"]["spec"]
const container: Tree = pod["containers"][0]
const compose = document("compose.yaml")
const services: Tree = compose["services"]

/** What a container of the config is given. */
const environment = {
  compose: { ...(compose["x-voice"]["environment"] as Tree), ...(services["voice-1"]["environment"] as Tree) },
  kubernetes: Object.fromEntries(
    (container["env"] as ReadonlyArray<Tree>).map((each) => [each["name"], each["value"] ?? ""])
  )
}
const secrets = {
  DATABASE_URL: "postgres://voice@127.0.0.1/voice",
  VOICE_API_KEY: "0123456789abcdef0123",
  PUBLIC_URL: "https://voice.example.com",
  PROXY_RANGE: "10.0.0.0/8"
}

const load = (env: { readonly [name: string]: string }) =>
  ConfigSource.load({
    file: Path.join(deploy, "config/voice.yaml"),
    env,
    section: { name: "server", schema: ServerConfig }
  }).pipe(Effect.provide([NodeServices.layer, Builtin.layer]))

const seconds = (value: string): number => Duration.toSeconds(Duration.fromInputUnsafe(value as Duration.Input))
/** `31m` and `31min` in seconds. */
const span = (value: string): number => Number(/^\d+/.exec(value)?.[0]) * (/m(?:in)?$/.test(value) ? 60 : 1)

describe("the files of scripts/deploy", () => {
  it.effect("have a config that is valid with what compose and Kubernetes give it", () =>
    Effect.gen(function*() {
      for (const [where, given] of Object.entries(environment)) {
        const wanted = Array.from(text("config/voice.yaml").matchAll(/\$\{(\w+)\}/g), ([, name = ""]) => name)
        assert.isAtLeast(wanted.length, 4)
        for (const name of wanted) assert.property(given, name, `${where} does not set ${name}`)
        const own = Object.entries(given).filter(([name]) => name.startsWith("EFFECT_VOICE_"))
        assert.isAtLeast(own.length, 1, where)
        const { config } = yield* load({
          ...secrets,
          ...Object.fromEntries(
            own.map((
              [name, value]
            ) => [name, String(value).replace(/\$\{PUBLIC_URL:-([^}]*)\}/, "$1").replace("$(POD_IP)", "10.0.0.7")])
          )
        })
        assert.strictEqual(config.store.kind, "postgres")
        assert.isDefined(config.cluster)
        assert.isDefined(where === "compose" ? config.cluster?.nodeUrl : config.cluster?.address)
      }
    }))

  it.effect("give a node the time to drain", () =>
    Effect.gen(function*() {
      const { config } = yield* load(secrets)
      const drain = Duration.toSeconds(config.drain.deadline)
      const preStop: number = container["lifecycle"]["preStop"]["sleep"]["seconds"]
      assert.isAtLeast(pod["terminationGracePeriodSeconds"], drain + preStop + 15)
      assert.isAtLeast(span(compose["x-voice"]["stop_grace_period"]), drain + 15)
      const unit = /^TimeoutStopSec=(\S+)$/m.exec(text("effect-voice.service"))?.[1] ?? ""
      assert.isAtLeast(span(unit), drain + 15)
      // a caller has the time to come to the next node
      assert.isAtLeast(Duration.toSeconds(config.session.resumeWindow), seconds("30 seconds"))
    }))

  it.effect("agree about ports", () =>
    Effect.gen(function*() {
      const { section } = yield* load(secrets)
      const ports = [section.port, section.adminPort]
      assert.deepStrictEqual(container["ports"].map((each: Tree) => each["containerPort"]), ports)
      assert.deepStrictEqual(compose["x-voice"]["expose"], ports.map(String))
      assert.deepStrictEqual(/^EXPOSE (.*)$/m.exec(text("Dockerfile"))?.[1], ports.join(" "))
      assert.deepStrictEqual(
        manifest("NetworkPolicy")["spec"]["ingress"].flatMap((each: Tree) =>
          each["ports"].map((one: Tree) => one["port"])
        ),
        ports
      )
      assert.include(text("Dockerfile"), `http://127.0.0.1:${section.port}/health/live`)
      for (const target of document("prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]) {
        assert.strictEqual(new URL(`http://${target}`).port, String(section.adminPort))
        assert.property(services, new URL(`http://${target}`).hostname)
      }
      for (const [, host = "", port = ""] of text("nginx.conf").matchAll(/server (voice-\d):(\d+)/g)) {
        assert.property(services, host)
        assert.strictEqual(port, String(section.port))
      }
    }))

  it("scale by metrics that exist, through the rules of the adapter", () => {
    const ours: ReadonlyArray<string> = Object.values(TelemetryNames.metrics)
    const asked: ReadonlyArray<string> = manifest("HorizontalPodAutoscaler")["spec"]["metrics"]
      .map((each: Tree) => each["pods"]["metric"]["name"])
    assert.isAtLeast(asked.length, 2)
    const rules = text("kubernetes/adapter-rules.yaml")
    for (const name of asked) {
      assert.include(ours, name)
      assert.include(rules, `'${name}{`)
    }
  })

  it("never restart a node because it is not ready, and keep what is between nodes from users", () => {
    assert.strictEqual(container["readinessProbe"]["httpGet"]["path"], "/health/ready")
    for (const probe of ["livenessProbe", "startupProbe"]) {
      assert.strictEqual(container[probe]["httpGet"]["path"], "/health/live")
    }
    assert.include(text("nginx.conf"), "internal/ { return 404; }")
    const paths = manifest("Ingress")["spec"]["rules"][0]["http"]["paths"]
    for (const { path, pathType } of paths) {
      assert.isFalse(pathType === "Prefix" ? "/internal".startsWith(path) : path.startsWith("/internal"), path)
    }
    assert.strictEqual(container["securityContext"]["readOnlyRootFilesystem"], true)
    assert.strictEqual(pod["securityContext"]["runAsNonRoot"], true)
  })

  it("name files, folders, services and volumes that exist", () => {
    const mounts: Array<string> = []
    for (const [name, service] of Object.entries(services)) {
      const volumes: ReadonlyArray<string> = service["volumes"] ?? service["<<"]?.["volumes"] ?? []
      for (const volume of volumes) {
        const [source = ""] = volume.split(":")
        if (!source.startsWith(".")) assert.property(compose["volumes"], source, name)
        else if (!source.startsWith("./secrets/")) mounts.push(source)
      }
      for (const other of Array.isArray(service["depends_on"]) ? service["depends_on"] : []) {
        assert.property(services, other)
      }
    }
    assert.isAtLeast(mounts.length, 6)
    for (const source of mounts) assert.isTrue(Fs.existsSync(Path.join(deploy, source)), source)
    for (const name of kubernetes["resources"]) {
      assert.isTrue(Fs.existsSync(Path.join(deploy, "kubernetes", name)), name)
    }
    for (const [, target = ""] of text("README.md").matchAll(/\]\((?!http)([^)#]+)/g)) {
      assert.isTrue(Fs.existsSync(Path.join(deploy, target)), target)
    }
  })

  it.effect("show an application how to build an image of its own", () =>
    Effect.gen(function*() {
      const own = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as Tree
      const guide = text("README.md")
      const shown = /```dockerfile\n([^]*?)```/.exec(guide)?.[1] ?? ""
      const image = text("Dockerfile")
      const of = (pattern: RegExp, from: string) => pattern.exec(from)?.[1]
      for (const pattern of [/^FROM (\S+)(?: AS build)?$/m, /for model in ([\w -]+);/, /^ENTRYPOINT (.*)$/m]) {
        assert.isString(of(pattern, shown))
        assert.strictEqual(of(pattern, shown), of(pattern, image), String(pattern))
      }
      assert.include(shown, `node_modules/effect-voice/${own["bin"]["effect-voice"]}`)
      for (const flag of shown.match(/--(?:app|config)\b/g) ?? []) {
        assert.include(Fs.readFileSync(Path.join(root, "src/cli/README.md"), "utf8"), flag)
      }
      const yaml = /`voice\.yaml` has `([^`]+)`/.exec(guide)?.[1] ?? ""
      const { section } = yield* ConfigSource.load({
        defaults: Yaml.parse(yaml.replace("${VOICE_API_KEY}", secrets.VOICE_API_KEY)) as Tree,
        env: {},
        section: { name: "server", schema: ServerConfig }
      }).pipe(Effect.provide([Builtin.layer, NodeServices.layer]))
      assert.strictEqual(section.host, "0.0.0.0")
      assert.lengthOf(section.apiKeys, 1)
    }))

  it("build the image from what the package says of itself", () => {
    const own = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8")) as Tree
    const dockerfile = text("Dockerfile")
    const bin = `node_modules/effect-voice/${own["bin"]["effect-voice"]}`
    assert.include(dockerfile, `ENTRYPOINT ["node", "${bin}"]`)
    assert.include(text("effect-voice.service"), bin)
    assert.match(dockerfile, new RegExp(`^FROM node:${String(own["devDependencies"]["node"]).split(".")[0]}-`, "m"))
    for (const [, from = ""] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const name of from.split(" ")) assert.isTrue(Fs.existsSync(Path.join(root, name)), name)
    }
    assert.deepStrictEqual(
      /for model in ([^;]*);/.exec(dockerfile)?.[1],
      ["moonshine-tiny-en", "silero-vad"].join(" ")
    )
    assert.include(dockerfile, "\nUSER node\n")
  })
})
