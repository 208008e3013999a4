using System;

class Bad
{
    public static int Value = 1;
    static Bad() { Console.WriteLine("Bad is initialized"); throw new InvalidOperationException("no"); }
    public static void Method() { Console.WriteLine("never"); }
    public int Field;
}

class Division
{
    static int zero = 0;
    public static readonly int Value = 10 / zero;
    static Division() { Console.WriteLine("never"); }
}

class Dependent
{
    public static int Value;
    static Dependent()
    {
        Console.WriteLine("Dependent begins");
        Value = Bad.Value;
        Console.WriteLine("never");
    }
}

class Recovering
{
    public static string Text;
    static Recovering()
    {
        try { Bad.Method(); }
        catch (TypeInitializationException e) { Text = "recovered from " + (e.InnerException is InvalidOperationException); }
    }
}

class Generic<T>
{
    public static T Value;
    static Generic()
    {
        if (default(T) == null)
            throw new ArgumentException("reference");
    }
}

class TypeInitException
{
    static void Try(string what, Func<object> f)
    {
        try { Console.WriteLine(what + " gives " + f()); }
        catch (TypeInitializationException e)
        {
            Exception inner = e.InnerException;
            int depth = 1;
            while (inner is TypeInitializationException)
            {
                inner = inner.InnerException;
                depth++;
            }
            Console.WriteLine(what + " fails for " + e.TypeName + ", depth " + depth + ": " + (inner is InvalidOperationException) + (inner is DivideByZeroException) + (inner is ArgumentException));
        }
    }

    static void Main()
    {
        Try("field", () => Bad.Value);
        Try("field again", () => Bad.Value);
        Try("method", () => { Bad.Method(); return 1; });
        Try("constructor", () => new Bad().Field);
        Try("division", () => Division.Value);
        Try("division again", () => Division.Value);
        Try("dependent", () => Dependent.Value);
        Try("dependent again", () => Dependent.Value);
        Try("recovering", () => Recovering.Text);
        Try("int", () => Generic<int>.Value);
        Try("string", () => Generic<string>.Value);
        Try("long", () => Generic<long>.Value);
        Try("object", () => Generic<object>.Value);
        Exception first = null, second = null;
        try { Bad.Value = 3; } catch (Exception e) { first = e; }
        try { Bad.Value = 4; } catch (Exception e) { second = e; }
        Console.WriteLine((first is TypeInitializationException) + " " + (second is TypeInitializationException));
    }
}
