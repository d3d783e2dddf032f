// what TypeScript finds for `import "effect-voice/react/styles.css"`, which has nothing to import
declare const styles: undefined
export default styles
