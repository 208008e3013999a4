//! flags: -r:System.Core.dll
// Expression trees, compiled: closures, members, conditionals, conversions, calls, new, arrays, loops, exceptions.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Linq.Expressions;

class Point { public int X; public int Y { get; set; } public Point(int x, int y) { X = x; Y = y; } public override string ToString() { return "(" + X + "," + Y + ")"; } }

class Program
{
    static int Add(int a, int b) { return a + b; }

    static void Main()
    {
        Expression<Func<int, int>> square = x => x * x;
        Console.WriteLine(square + " = " + square.Compile()(12));

        int captured = 5;
        Expression<Func<int, int>> closure = x => x + captured;
        var f = closure.Compile();
        captured = 7;
        Console.WriteLine(f(1));

        Expression<Func<string, bool>> test = s => s != null && s.Length > 3 && s.StartsWith("ab");
        var g = test.Compile();
        Console.WriteLine(g("abcd") + " " + g("ab") + " " + g(null));

        Expression<Func<int, int, Point>> make = (a, b) => new Point(a, b) { X = a * 2 };
        Console.WriteLine(make.Compile()(3, 4));

        Expression<Func<Point, double>> length = p => Math.Sqrt(p.X * p.X + p.Y * p.Y);
        Console.WriteLine(length.Compile()(new Point(3, 4)) == 5.0);

        Expression<Func<int, string>> choose = n => n > 0 ? "plus" : n < 0 ? "minus" : "zero";
        var c = choose.Compile();
        Console.WriteLine(c(1) + " " + c(-1) + " " + c(0));

        Expression<Func<int?, int?, int?>> lifted = (a, b) => a + b;
        var l = lifted.Compile();
        Console.WriteLine(l(1, 2) + " [" + l(1, null) + "]");

        Expression<Func<int, Func<int, int>>> curried = a => b => Add(a, b) * captured;
        Console.WriteLine(curried.Compile()(1)(2));

        Expression<Func<object, string>> convert = o => (o as string) ?? (o is int ? ((int)o).ToString() : "?");
        var k = convert.Compile();
        Console.WriteLine(k("text") + " " + k(3) + " " + k(2.5));

        Expression<Func<int[]>> array = () => new[] { 1, captured, 3 };
        Console.WriteLine(string.Join(",", array.Compile()()));

        Expression<Func<List<int>>> list = () => new List<int> { 1, 2, 3 };
        Console.WriteLine(list.Compile()().Count);

        Expression<Func<IEnumerable<int>, int>> linq = xs => xs.Where(x => x % 2 == 0).Select(x => x * 10).Sum();
        Console.WriteLine(linq.Compile()(Enumerable.Range(1, 10)));

        // A loop and a handler, which lambdas cannot say.
        var n2 = Expression.Parameter(typeof(int), "n");
        var total = Expression.Variable(typeof(int), "total");
        var done = Expression.Label(typeof(int));
        var loop = Expression.Lambda<Func<int, int>>(Expression.Block(new[] { total },
            Expression.Assign(total, Expression.Constant(0)),
            Expression.Loop(Expression.IfThenElse(Expression.GreaterThan(n2, Expression.Constant(0)),
                Expression.Block(Expression.AddAssign(total, n2), Expression.PreDecrementAssign(n2)),
                Expression.Break(done, total)), done)), n2);
        Console.WriteLine(loop.Compile()(100));

        var d = Expression.Parameter(typeof(int), "d");
        var guarded = Expression.Lambda<Func<int, string>>(Expression.TryCatchFinally(
            Expression.Call(Expression.Divide(Expression.Constant(100), d), typeof(int).GetMethod("ToString", Type.EmptyTypes)),
            Expression.Call(typeof(Console).GetMethod("WriteLine", new[] { typeof(string) }), Expression.Constant("finally")),
            Expression.Catch(typeof(DivideByZeroException), Expression.Constant("division by zero"))), d);
        var h = guarded.Compile();
        Console.WriteLine(h(7) + " " + h(0));
        try { Expression.Lambda<Action>(Expression.Throw(Expression.New(typeof(InvalidOperationException)))).Compile()(); }
        catch (InvalidOperationException) { Console.WriteLine("thrown"); }
    }
}
