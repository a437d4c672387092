/** A 28×28 drawing of the digit one, as PNG in base64: small enough for a command line. */
export const SAMPLE_PICTURE =
  'iVBORw0KGgoAAAANSUhEUgAAABwAAAAcAQMAAABIw03XAAAABlBMVEX///8AAABVwtN+AAAAFklEQVQI12P4////BwasxAeaETisBADI4mzf/jbx6QAAAABJRU5ErkJggg==';
