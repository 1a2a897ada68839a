import type { Browser } from 'playwright-core'

export declare const executablePath: string
export declare const dist: string
export declare const cli: string
export declare function serve(): Promise<{ readonly origin: string; close(): void }>
export declare function launch(): Promise<Browser>
