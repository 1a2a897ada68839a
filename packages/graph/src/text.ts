/**
 * The text form of a graph.
 *
 *     graph g(%x: f32[N,3,8,8]) {
 *       %w: f32[4,3,3,3] stored=i4@0[0.1, 0.2, 0.1, 0.3] = constant(1, 0.5, ...)     // or constant(splat 0.5)
 *       %y: f32[N,4,8,8] = conv Conv(%x, %w, null) {strides=[1,1], epsilon=1e-5f} weights=[1@0] macs=6912 #nodeid
 *       return %y
 *     }
 *
 *     name     %bare, %"any string"; the same after # for node ids. Words (operators, attributes) go bare or as strings
 *     type     dtype[dim,...]; dtype alone: unknown rank; `?`: the graph has no entry for the value; left out: f32
 *     node     outputs = kind Op(inputs) {attrs} weights=[input@axis] macs=1 bounds=[0,6] window=(...) recurrence=(...) preserving=true captures=[%a] grid=... #id
 *     attrs    3, 12n, true, "text", [1,2], ["a"], floats 1e-5f and f[1,2], tensor f32[2](1, 2), bytes("00ff")
 *     grid     i8[scales; zero points] signed, u8 unsigned, i8@0 along axis 0; zero points left out: all 0; i2{-3, -1, 1, 3} with levels
 *     elements numbers, inf, nan, strings; bit patterns for f16, bf16 and packed types (0x3c00); splat: all the same
 *
 * Left out, the id of a node is that of its first output. For short tests one word may stand for kind and operator: a kind
 * (`conv`, `add`), or an operator in any spelling (`relu`, `Gemm`), else the node is opaque; its weights then follow the
 * usual layouts when they are constants. `//` starts a comment.
 */
export { parseGraph } from './parse.ts'
export { type PrintOptions, printGraph } from './print.ts'
