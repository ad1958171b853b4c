// What Vite makes of an import of a file by address.
declare module '*?url' {
  const address: string;
  export default address;
}
