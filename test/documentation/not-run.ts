import { hasData } from '../data.ts';

/** A part of a page that is not run as it stands there, and why. A test fails where it is no longer in the page. */
export interface Exception {
  readonly page: string;
  readonly text: string;
  /** What is run in its place, wherever the page has it; unless given, the block with the text is left out. */
  readonly instead?: string;
  readonly reason: string;
}

const server = 'It goes on until it is stopped; the server of these tests was started like that.';
const account = 'It needs an account of Cloudflare.';
const quickly = 'It trains for minutes; a few steps are taken.';
const refused =
  'It trains for hours, on data that have to be had first: options and recipe are checked, up to the missing data.';
const torch = 'It needs PyTorch and weights of others; what comes out of it is imported all the same.';

/** Commands that get as far as the data that they name, which is not there. */
const withoutData = (page: string, command: string, dataset: string): Exception => ({
  ...{ page, text: command, instead: `refused ${dataset} ${command}`, reason: refused },
});

export const exceptions: readonly Exception[] = [
  {
    ...{ page: 'README.md', text: 'npm ci && npm run demo ', instead: ': ' },
    reason: 'test/end-to-end.test.ts runs the demo.',
  },
  {
    ...{ page: 'README.md', text: 'npm ci && npm test ', instead: ': ' },
    reason: 'This is one of these tests.',
  },
  { page: 'README.md', text: 'npm start ', instead: ': ', reason: server },
  {
    ...{
      page: 'README.md',
      text: 'softmargin train mnist-wide',
      instead: 'softmargin train mnist-wide --steps 3',
    },
    reason: quickly,
  },
  withoutData('README.md', 'npx softmargin train image-folder', 'photos'),
  withoutData('README.md', 'npx softmargin train omniglot', 'omniglot'),
  withoutData('README.md', 'npx softmargin train market1501', 'Market-1501'),
  withoutData('README.md', 'npx softmargin experiment omniglot-losses', 'omniglot'),
  {
    ...{ page: 'docs/training.md', text: 'train mnist-wide', instead: 'train mnist-wide --steps 3' },
    reason: quickly,
  },
  withoutData('docs/training.md', 'npx softmargin train image-folder', 'grocery/train'),
  withoutData('docs/training.md', 'npx softmargin train omniglot', 'omniglot'),
  withoutData('docs/training.md', 'npx softmargin train market1501', 'Market-1501'),
  withoutData('docs/training.md', 'npx softmargin experiment mnist-toy', 'mnist'),
  withoutData('docs/training.md', 'npx softmargin experiment omniglot-losses', 'omniglot'),
  withoutData('docs/training.md', 'npx softmargin experiment sml-ablation', 'omniglot'),
  {
    ...{ page: 'docs/command-line.md', text: 'softmargin demo ', instead: ': ' },
    reason: 'test/end-to-end.test.ts runs the demo.',
  },
  {
    ...{ page: 'docs/console.md', text: 'npm run build:console' },
    reason: 'It writes into the repository; test/console/build.test.ts builds elsewhere, and compares.',
  },
  { page: 'docs/embeddings.md', text: 'npm start ', instead: ': ', reason: server },
  { page: 'docs/import.md', text: 'import torch, ', reason: torch },
  ...(hasData('models/mobilenet_v1_0.25_224/model.json')
    ? []
    : [withoutData('docs/import.md', 'npx softmargin import model.json', 'model.json')]),
  { page: 'docs/models.md', text: 'import torchreid, ', reason: torch },
  {
    ...{ page: 'docs/backends.md', text: 'npm run bench -- training --peak 67' },
    reason: 'It measures for minutes, and its option says what a certain graphics card is capable of.',
  },
  { page: 'docs/deployment.md', text: 'npx wrangler login', instead: ': ', reason: account },
  {
    ...{ page: 'docs/deployment.md', text: 'npm run deploy -- --env staging         ', instead: ': ' },
    reason: account,
  },
  { page: 'docs/deployment.md', text: 'npx wrangler versions list', instead: ': ', reason: account },
  { page: 'docs/deployment.md', text: 'npx wrangler rollback', instead: ': ', reason: account },
  { page: 'docs/deployment.md', text: 'npx wrangler d1 time-travel', instead: ': ', reason: account },
];
