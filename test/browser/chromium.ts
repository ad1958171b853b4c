// How Chromium is started for tests.
// Starts nothing.

/**
 * Flags: WebGL and WebGPU as SwiftShader computes them, where there is no GPU.
 * @param options `isComposedByGpu`: pages are drawn by it too, without which WebGPU's tensors cannot be read at once. @defaultValue true
 */
export function chromiumArgs({ isComposedByGpu = true }: { readonly isComposedByGpu?: boolean } = {}): string[] {
  return [
    // On a busy machine a simulated GPU takes longer than Chromium waits for one.
    '--disable-gpu-watchdog',
    ...['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
    ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
    ...(isComposedByGpu ? ['--ignore-gpu-blocklist', '--enable-gpu-rasterization'] : []),
    ...(isComposedByGpu ? ['--use-vulkan=swiftshader', '--enable-features=Vulkan'] : []),
  ];
}
