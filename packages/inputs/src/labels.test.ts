import { expect, test } from 'vitest'
import { parseLabels } from './labels.ts'

test('labels come by order, by name with a heading, or as JSON', () => {
  const names = ['sub/a.jpg', 'b.jpg']
  expect(parseLabels('3\n1\n', names, 'l')).toEqual([3, 1])
  expect(parseLabels('file\tclass_index\tname\nb.jpg\t1\tgreat white shark\na.jpg\t3\ttench\n', names, 'l')).toEqual([
    3, 1,
  ])
  expect(parseLabels('b.jpg, 1\nsub/a.jpg, 3', names, 'l')).toEqual([3, 1])
  expect(parseLabels('[3, 1]', names, 'l')).toEqual([3, 1])
  expect(parseLabels('{"a.jpg": 3, "b.jpg": 1}', names, 'l')).toEqual([3, 1])
})

test('a sample without a label and a label that is no index are named', () => {
  expect(() => parseLabels('3', ['0', '1'], 'l.txt')).toThrow('l.txt has no label for sample 1')
  expect(() => parseLabels('cat\ndog', ['0', '1'], 'l.txt')).toThrow('"cat" is not a class index')
})
