const escape = require('escape-html');
exports.heading = text => '<h1>' + escape(text) + '</h1>';
