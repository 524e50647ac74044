import * as hrn from 'hrn-face';

const face = await hrn.fit('portrait.jpg', { textureSize: 1024 });
console.log(face.mesh.positions.length / 3, 'vertices');
console.log('smile:', face.coefficients.expression.mouthSmileLeft.toFixed(2));
await face.write('portrait.glb');
await face.preview('portrait.png');
