#!/usr/bin/env node
import { runSignalCommand } from './command/run.adapter.js'

process.exitCode = await runSignalCommand(process.argv.slice(2))
