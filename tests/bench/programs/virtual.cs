// Virtual calls: values of expression trees.
abstract class Expression
{
    public abstract int Value(int x);
}

sealed class Constant : Expression
{
    readonly int value;
    public Constant(int value) { this.value = value; }
    public override int Value(int x) { return value; }
}

sealed class Variable : Expression
{
    public override int Value(int x) { return x; }
}

abstract class Binary : Expression
{
    protected readonly Expression left, right;
    protected Binary(Expression left, Expression right) { this.left = left; this.right = right; }
}

sealed class Sum : Binary
{
    public Sum(Expression left, Expression right) : base(left, right) { }
    public override int Value(int x) { return left.Value(x) + right.Value(x); }
}

sealed class Difference : Binary
{
    public Difference(Expression left, Expression right) : base(left, right) { }
    public override int Value(int x) { return left.Value(x) - right.Value(x); }
}

sealed class Product : Binary
{
    public Product(Expression left, Expression right) : base(left, right) { }
    public override int Value(int x) { return left.Value(x) * right.Value(x); }
}

static class Virtual
{
    static readonly Expression tree = Grow(new Dice(5), 10);

    static Expression Grow(Dice dice, int depth)
    {
        if (depth == 0)
        {
            if (dice.Below(2) == 0) return new Variable();
            return new Constant(dice.Below(10));
        }
        Expression left = Grow(new Dice(dice.Next()), depth - 1);
        Expression right = Grow(new Dice(dice.Next()), depth - 1);
        switch (dice.Below(3))
        {
            case 0: return new Sum(left, right);
            case 1: return new Difference(left, right);
            default: return new Product(left, right);
        }
    }

    static long Work()
    {
        long sum = 0;
        for (int x = 0; x < 2000; x++) sum = sum * 3 + tree.Value(x);
        return sum;
    }

    static int Main() { return Bench.Run("virtual", Work); }
}
