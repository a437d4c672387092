// Plain JavaScript, and run before any TypeScript: a Node that is too old cannot even read the rest.
const REQUIRED = 24;

if (Number(process.versions.node.split('.')[0]) < REQUIRED) {
  console.error(
    `softmargin runs on Node ${REQUIRED} or later, and this is Node ${process.versions.node}.\n` +
      `"npm ci" brings Node ${REQUIRED} along as an optional dependency, and "npm run" and "npx" find it there.\n` +
      'It is missing if optional dependencies were left out (--omit=optional) or if npm has no package of it\n' +
      `for this system (${process.platform} on ${process.arch}): then install Node ${REQUIRED} yourself.`,
  );
  process.exit(1);
}
