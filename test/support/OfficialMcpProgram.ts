/** An MCP server of the official SDK on standard input and output: started by tests as a program of its own. */
import { serveStdio } from "@modelcontextprotocol/server/stdio"
import { factory, state } from "./OfficialMcp.ts"

serveStdio(factory(state()), { legacy: process.argv.includes("--modern") ? "reject" : "serve" })
