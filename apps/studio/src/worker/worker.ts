// The pipeline, beside the page. Everything heavy happens here.
import { curve, rivals, solve } from './budget.ts'
import { emptyDesk } from './desk.ts'
import { exportData, loadData } from './load-data.ts'
import { openModel } from './open-model.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { quantizeModel } from './result.ts'
import { serve } from './serve.ts'
import { analyzeModel, measureHessian } from './sweep.ts'

interface Scope {
  postMessage(message: FromWorker, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<ToWorker>) => void): void
}

const scope = self as unknown as Scope
const desk = emptyDesk()
const answer = serve(
  {
    openModel: (source) => openModel(desk, source, (text) => console.info(text)),
    loadData: (request) => loadData(desk, request),
    exportData: (role) => exportData(desk, role),
    analyze: (settings, hands) => analyzeModel(desk, settings, hands),
    measureHessian: (_, hands) => measureHessian(desk, hands),
    solve: (request) => solve(desk, request),
    curve: (weighting) => curve(desk, weighting),
    rivals: ({ budgets, sigma }) => rivals(desk, budgets, sigma),
    quantize: (request, hands) => quantizeModel(desk, request, hands),
  },
  scope,
)
scope.addEventListener('message', (event) => void answer(event.data))
