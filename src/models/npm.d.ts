/**
 * The types of `pacote` and `@npmcli/config` that `NpmRegistry` uses: neither package ships any.
 */
declare module "pacote" {
  /** A minipass stream: a Node readable in all that is used here. */
  interface TarballStream {
    on(event: "error", listener: (error: Error) => void): this
    pipe<W extends NodeJS.WritableStream>(destination: W): W
    destroy(): this
  }
  const pacote: {
    readonly tarball: {
      stream<A>(
        spec: string,
        handler: (stream: TarballStream) => Promise<A>,
        options: Record<string, unknown>
      ): Promise<A>
    }
  }
  export default pacote
}

declare module "@npmcli/config" {
  export default class Config {
    constructor(options: {
      readonly definitions: unknown
      readonly shorthands: unknown
      readonly flatten: unknown
      readonly nerfDarts: unknown
      readonly npmPath: string
      readonly argv: ReadonlyArray<string>
      readonly env: Record<string, string | undefined>
      readonly execPath: string
      readonly cwd: string
      readonly warn: boolean
    })
    load(): Promise<void>
    readonly flat: Record<string, unknown>
  }
}

declare module "@npmcli/config/lib/definitions/index.js" {
  const definitions: {
    readonly definitions: unknown
    readonly shorthands: unknown
    readonly flatten: unknown
    readonly nerfDarts: unknown
  }
  export default definitions
}
