/** The camera of the device: a picture of it as JPEG, or undefined when the user does not want to. */
export class Webcam {
  readonly #video: HTMLVideoElement;
  #stream: MediaStream | undefined;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  async start(): Promise<void> {
    const wanted = { width: { ideal: 1920 }, height: { ideal: 1080 }, facingMode: 'user' };
    this.#stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.#video.srcObject = this.#stream;
    await this.#video.play();
  }

  async shoot(): Promise<Blob> {
    const canvas = document.createElement('canvas');
    canvas.width = this.#video.videoWidth;
    canvas.height = this.#video.videoHeight;
    canvas.getContext('2d')!.drawImage(this.#video, 0, 0);
    this.stop();
    return new Promise((resolve, reject) => {
      const done = (blob: Blob | null) => (blob ? resolve(blob) : reject(new Error('The camera gave no picture.')));
      canvas.toBlob(done, 'image/jpeg', 0.95);
    });
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
  }
}
