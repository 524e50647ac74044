import * as hrn from 'hrn-face';

const controller = new AbortController();
try {
  await hrn.fit('portrait.jpg', {
    signal: controller.signal,
    onProgress: ({ stage, fraction }) => {
      console.log(stage, fraction.toFixed(2));
      if (stage === 'refine') controller.abort(new Error('enough'));
    },
  });
} catch (error) {
  if (error instanceof hrn.HrnError) console.log(error.code);
  else console.log((error as Error).message);
}
