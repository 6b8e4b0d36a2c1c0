module.exports = text => parseInt(text) * 1000;
