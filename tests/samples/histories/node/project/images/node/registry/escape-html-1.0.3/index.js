module.exports = text => text.replace(/[&<>]/g, c => '&#' + c.charCodeAt(0) + ';');
