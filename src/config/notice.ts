/** Something that an operator should know and that stops nothing. */
export interface Notice {
  kind: 'unknown' | 'repeated' | 'ignored' | 'insecure' | 'incomplete';
  key: string;
  /** A whole sentence without secrets. */
  text: string;
}
