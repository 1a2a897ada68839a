import type { Browser } from 'playwright-core'

export declare const executablePath: string
export declare const dist: string
export declare const policy: string
export declare function serve(folder?: string): Promise<{ readonly origin: string; close(): void }>
export declare function launch(): Promise<Browser>
