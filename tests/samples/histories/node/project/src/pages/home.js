const { heading } = require('./page');
module.exports = () => heading('Welcome');
