/**
 * What the transport of an MCP server tells of it.
 *
 * @since 0.1.0
 */

/**
 * - `onChange`: the list of tools has changed, as far as the server says.
 * - `onEnd`: the program has ended; the last of what it wrote to its standard error, if anything.
 * - `onGarbage`: the program has written a line to its standard output that is no message.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpListener {
  readonly onChange: () => void
  readonly onEnd: (stderr: string) => void
  readonly onGarbage: () => void
}
