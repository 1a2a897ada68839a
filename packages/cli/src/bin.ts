#!/usr/bin/env node
import { main } from './main.ts'

// Not process.exit: what is still in the pipes must get out.
process.exitCode = await main(process.argv.slice(2))
