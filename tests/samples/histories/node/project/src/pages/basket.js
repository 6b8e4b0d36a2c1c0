const { heading } = require('./page');
const pad = require('left-pad');

// Prices stand below each other.
module.exports = (prices = []) => heading('Basket') + prices.map(price => pad(price, 8)).join('\n');
