// Milliseconds of the exact solver beside GLPK on the same seeded problems: one budget, then two (which GLPK solves).
// `node bench/solver.mjs`
import { solve } from '@mixbit/solver'
import glpkOf from 'glpk.js/node'

const glpk = await glpkOf()

function problemOf(layers, widths, budgets, seed) {
  let state = seed
  const next = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const items = Array.from({ length: layers }, (_, i) => {
    const size = Math.ceil(next() * 10_000)
    const choices = widths.map((bits) => ({
      loss: next() * 4 ** -bits * size,
      cost: Array.from({ length: budgets }, () => (size * bits * (budgets === 1 ? 1 : 0.5 + next())) / 8),
    }))
    return { id: `n${i}`, choices }
  })
  const limit = (b) => items.reduce((sum, { choices }) => sum + choices[0].cost[b], 0) * 0.5
  return { items, budgets: Array.from({ length: budgets }, (_, b) => ({ name: `b${b}`, limit: limit(b) })) }
}

/** The plain integer program, as several budgets are solved. */
function byGlpk({ items, budgets }) {
  const vars = items.flatMap(({ choices }, i) => choices.map((choice, k) => ({ name: `x${i}_${k}`, choice })))
  return glpk.solve(
    {
      name: 'p',
      objective: {
        direction: glpk.GLP_MIN,
        name: 'loss',
        vars: vars.map(({ name, choice }) => ({ name, coef: choice.loss })),
      },
      subjectTo: [
        ...items.map(({ choices }, i) => ({
          name: `i${i}`,
          vars: choices.map((_, k) => ({ name: `x${i}_${k}`, coef: 1 })),
          bnds: { type: glpk.GLP_FX, ub: 1, lb: 1 },
        })),
        ...budgets.map(({ limit }, b) => ({
          name: `b${b}`,
          vars: vars.map(({ name, choice }) => ({ name, coef: choice.cost[b] })),
          bnds: { type: glpk.GLP_UP, ub: limit, lb: 0 },
        })),
      ],
      binaries: vars.map(({ name }) => name),
    },
    { msglev: glpk.GLP_MSG_OFF, presol: true, mipgap: 0, tmlim: 60 },
  ).result
}

const widths = [16, 8, 7, 6, 5, 4, 3, 2, 1]
console.log('layers budgets       ours ms    glpk ms   status    gap        loss / loss by glpk')
for (const [layers, budgets] of [
  [50, 1],
  [200, 1],
  [1000, 1],
  [5000, 1],
  [200, 2],
]) {
  const problem = problemOf(layers, widths, budgets, 11)
  await solve(problemOf(20, widths, budgets, 3))
  const start = performance.now()
  const answer = await solve(problem)
  const ours = performance.now() - start
  const other = layers > 1000 ? null : byGlpk(problem)
  const theirs = performance.now() - start - ours
  console.log(
    `${String(layers).padStart(6)} ${String(budgets).padStart(7)} ${ours.toFixed(0).padStart(13)} ${(other ? theirs.toFixed(0) : '-').padStart(10)}   ${answer.status.padEnd(9)} ${answer.gap.toExponential(1).padEnd(10)} ${other ? (answer.objective / other.z).toFixed(9) : '-'}`,
  )
}
