import * as hrn from 'hrn-face';

for await (const { index, face, error } of hrn.fitEach('portrait.jpg', { detail: 'coarse' })) {
  if (face) await face.write(`face-${index}.ply`);
  else console.log(`face ${index}: ${error.code}: ${error.message}`);
}
